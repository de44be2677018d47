import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * One long-lived JVM that does what a test asks of Apache's Java client and mqadmin.
 *
 * Reads one JSON object a line on stdin ({"id", "op", ...}) and writes one a line on stdout ({"id", "ok" | "error"}), in the
 * order in which the work ends: each request runs on its own thread. Compiles against 4.9.7 and 5.3.3 alike, so classes whose
 * package moved between the two are reached by reflection. Ends when stdin does.
 */
public final class Driver {
    private static final PrintStream WIRE =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);

    private final Producers producers = new Producers();
    private final Consumers consumers = new Consumers();
    private final Pulls pulls = new Pulls();
    private final LitePulls litePulls = new LitePulls();
    private final Admin admin = new Admin();
    private final Sql sql = new Sql();

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        Driver driver = new Driver();
        ExecutorService threads = Executors.newCachedThreadPool(r -> {
            Thread t = new Thread(r, "driver");
            t.setDaemon(true);
            return t;
        });
        answer(new JSONObject().fluentPut("id", 0).fluentPut("ok", "ready"));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            JSONObject request = JSON.parseObject(line);
            threads.execute(() -> driver.serve(request));
        }
        Runtime.getRuntime().halt(0);
    }

    private void serve(JSONObject request) {
        JSONObject reply = new JSONObject().fluentPut("id", request.get("id"));
        try {
            reply.put("ok", perform(request));
        } catch (Throwable e) {
            reply.put("error", e.toString());
        }
        answer(reply);
    }

    private Object perform(JSONObject request) throws Exception {
        switch (request.getString("op")) {
            case "send": return producers.send(request);
            case "request": return producers.request(request);
            case "recall": return producers.recall(request);
            case "producer.close": return producers.close(request);
            case "subscribe": return consumers.subscribe(request);
            case "received": return consumers.received(request);
            case "assigned": return consumers.assigned(request);
            case "consumer.commit": return consumers.commit(request);
            case "consumer.close": return consumers.close(request);
            case "pull": return pulls.pull(request);
            case "offsets": return pulls.offsets(request);
            case "lite.subscribe": return litePulls.subscribe(request);
            case "lite.poll": return litePulls.poll(request);
            case "lite.assignment": return litePulls.assignment(request);
            case "lite.commit": return litePulls.commit(request);
            case "lite.close": return litePulls.close(request);
            case "sql": return sql.evaluate(request);
            case "bloom": return sql.bloom(request);
            case "allocate": return Allocations.allocate(request);
            case "admin": return admin.run(request);
            case "exporter": return Exporter.collect(request);
            default: throw new IllegalArgumentException("unknown op " + request.getString("op"));
        }
    }

    private static synchronized void answer(JSONObject reply) {
        WIRE.println(reply.toJSONString());
        WIRE.flush();
    }
}
