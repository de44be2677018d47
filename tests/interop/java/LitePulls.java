import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Apache's lite pull consumers by name: they share the queues of a topic with their group, or take all of them ("assign").
 * Offsets are committed as they poll, unless "autoCommit" is false.
 */
final class LitePulls {
    private final Map<String, DefaultLitePullConsumer> running = new ConcurrentHashMap<>();

    Object subscribe(JSONObject request) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(request.getString("group"), Credentials.hook(request));
        consumer.setNamesrvAddr(request.getString("namesrv"));
        consumer.setInstanceName(request.getString("name"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        if (request.containsKey("autoCommit")) {
            consumer.setAutoCommit(request.getBooleanValue("autoCommit"));
        }
        if (request.getBooleanValue("assign")) {
            consumer.start();
            consumer.assign(consumer.fetchMessageQueues(request.getString("topic")));
        } else {
            consumer.subscribe(request.getString("topic"), "*");
            consumer.start();
        }
        running.put(request.getString("name"), consumer);
        return consumer.buildMQClientId();
    }

    /** What came within `timeoutMs`, at once when something is there. */
    Object poll(JSONObject request) {
        JSONArray all = new JSONArray();
        for (MessageExt m : running.get(request.getString("name")).poll(request.getLongValue("timeoutMs"))) {
            all.add(Records.of(m));
        }
        return all;
    }

    /** The ids of the queues that it holds. */
    Object assignment(JSONObject request) throws Exception {
        JSONArray ids = new JSONArray();
        running.get(request.getString("name")).assignment().forEach(queue -> ids.add(queue.getQueueId()));
        return ids;
    }

    /** Sends the offsets of what it polled, without waiting for the broker. */
    Object commit(JSONObject request) throws Exception {
        DefaultLitePullConsumer consumer = running.get(request.getString("name"));
        consumer.commit(consumer.assignment(), true);
        return true;
    }

    /** Ends it; before, if "commit", it tells the broker the offsets of what it polled. */
    Object close(JSONObject request) {
        DefaultLitePullConsumer consumer = running.remove(request.getString("name"));
        try (Hurry hurry = new Hurry()) {
            if (request.getBooleanValue("commit")) {
                consumer.commitSync();
            }
            consumer.shutdown();
        }
        return true;
    }
}
