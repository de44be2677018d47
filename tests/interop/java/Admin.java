import com.alibaba.fastjson.JSONObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** Runs Apache's mqadmin commands inside this JVM, one at a time, and gives what they printed (stdout and stack traces). */
final class Admin {
    private static final RPCHook NO_HOOK = new RPCHook() {
        @Override
        public void doBeforeRequest(String remoteAddr, RemotingCommand request) {
        }

        @Override
        public void doAfterResponse(String remoteAddr, RemotingCommand request, RemotingCommand response) {
        }
    };

    /** Command objects keep the client of their first run: each run gets new ones, as in a JVM of its own. */
    private static void forgetCommands() throws ReflectiveOperationException {
        for (Field field : MQAdminStartup.class.getDeclaredFields()) {
            if (List.class.isAssignableFrom(field.getType())) {
                field.setAccessible(true);
                ((List<?>) field.get(null)).clear();
            }
        }
    }

    synchronized Object run(JSONObject request) throws ReflectiveOperationException {
        String[] args = request.getJSONArray("args").toArray(new String[0]);
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(capture);
        System.setErr(capture);
        try (Hurry hurry = new Hurry()) {
            forgetCommands();
            MQAdminStartup.main0(args, NO_HOOK);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        capture.flush();
        return printed.toString(StandardCharsets.UTF_8);
    }
}
