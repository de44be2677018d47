import com.alibaba.fastjson.JSON;
import org.apache.rocketmq.namesrv.NamesrvStartup;

/**
 * Loads the classes that the tests' JVMs load: a name server, a broker and a client that sends, consumes and asks with
 * mqadmin, all in this JVM, which writes them into an archive as it ends.
 *
 * Arguments: configuration of the name server, configuration of the broker, address of the name server.
 */
public final class Training {
    public static void main(String[] args) throws Exception {
        NamesrvStartup.main(new String[] {"-c", args[0]});
        EagerBroker.main(new String[] {"-c", args[1]});
        String to = "\"namesrv\": \"" + args[2] + "\", \"group\": \"training\", \"topic\": \"TBW102\", \"name\": \"training\"";
        Admin admin = new Admin();
        admin.run(JSON.parseObject("{\"args\": [\"updateTopic\", \"-n\", \"" + args[2] + "\", \"-c\", \"DefaultCluster\", \"-t\", \"T\"]}"));
        admin.run(JSON.parseObject("{\"args\": [\"clusterList\", \"-n\", \"" + args[2] + "\"]}"));
        new Producers().send(JSON.parseObject("{" + to + ", \"messages\": [{\"topic\": \"T\", \"body\": \"x\"}]}"));
        new Consumers().subscribe(JSON.parseObject("{" + to.replace("TBW102", "T") + "}"));
        System.exit(0);
    }
}
