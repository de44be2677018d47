import com.alibaba.fastjson.JSONObject;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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

    /** 4.9's mqadmin takes its credentials from a file below its home alone; later ones are given a hook. */
    private static void useHome(JSONObject request) throws Exception {
        Field field;
        try {
            field = MQAdminStartup.class.getDeclaredField("rocketmqHome");
        } catch (NoSuchFieldException later) {
            return;
        }
        Path home = Path.of(System.getProperty("rocketmq.home.dir"));
        field.setAccessible(true);
        if (request.containsKey("accessKey")) {
            Path signed = Path.of(System.getProperty("java.io.tmpdir"), "signed-home");
            Path conf = Files.createDirectories(signed.resolve("conf"));
            Files.copy(home.resolve("conf/logback_tools.xml"), conf.resolve("logback_tools.xml"), StandardCopyOption.REPLACE_EXISTING);
            Files.writeString(conf.resolve("tools.yml"),
                "accessKey: '" + request.getString("accessKey") + "'\nsecretKey: '" + request.getString("secretKey") + "'\n");
            home = signed;
        }
        field.set(null, home.toString());
    }

    synchronized Object run(JSONObject request) throws Exception {
        String[] args = request.getJSONArray("args").toArray(new String[0]);
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream capture = new PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(capture);
        System.setErr(capture);
        try (Hurry hurry = new Hurry()) {
            forgetCommands();
            useHome(request);
            RPCHook hook = Credentials.hook(request);
            MQAdminStartup.main0(args, hook == null ? NO_HOOK : hook);
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        capture.flush();
        return printed.toString(StandardCharsets.UTF_8);
    }
}
