import com.alibaba.fastjson.JSONObject;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.remoting.RPCHook;

/** Whom a client signs its requests as: `accessKey` and `secretKey` of what the test asks for, nobody without them. */
final class Credentials {
    private Credentials() {
    }

    static RPCHook hook(JSONObject request) {
        if (!request.containsKey("accessKey")) {
            return null;
        }
        return new AclClientRPCHook(new SessionCredentials(request.getString("accessKey"), request.getString("secretKey")));
    }
}
