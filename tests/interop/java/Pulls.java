import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Reads whole queues with Apache's pull consumer, every field of every message; and asks for offsets. */
@SuppressWarnings("deprecation")
final class Pulls {
    private static final AtomicInteger INSTANCES = new AtomicInteger();
    private final Recent<DefaultMQPullConsumer> open = new Recent<>(consumer -> {
        try (Hurry hurry = new Hurry()) {
            consumer.shutdown();
        }
    });

    /** All messages of a topic, or of one queue ("queueId", with "brokerName"), from "from" (default: the minimum). */
    Object pull(JSONObject request) throws Exception {
        DefaultMQPullConsumer consumer = consumer(request.getString("namesrv"));
        String tags = request.getString("tags") == null ? "*" : request.getString("tags");
        JSONArray all = new JSONArray();
        for (MessageQueue mq : queues(consumer, request)) {
            long offset = request.containsKey("from") ? request.getLongValue("from") : consumer.minOffset(mq);
            while (true) {
                PullResult pulled = consumer.pull(mq, tags, offset, 32);
                if (pulled.getPullStatus() == PullStatus.FOUND) {
                    for (MessageExt m : pulled.getMsgFoundList()) {
                        all.add(Records.of(m));
                    }
                } else if (pulled.getPullStatus() != PullStatus.NO_MATCHED_MSG) {
                    break;
                }
                if (pulled.getNextBeginOffset() <= offset) {
                    throw new IllegalStateException("pull of " + mq + " does not move on at " + offset);
                }
                offset = pulled.getNextBeginOffset();
            }
        }
        return all;
    }

    /** Minimum and maximum of each queue of a topic, and with "timestamp" (ms) the offset at that time. */
    Object offsets(JSONObject request) throws Exception {
        DefaultMQPullConsumer consumer = consumer(request.getString("namesrv"));
        JSONArray all = new JSONArray();
        for (MessageQueue mq : queues(consumer, request)) {
            JSONObject one = new JSONObject(true);
            one.put("queueId", mq.getQueueId());
            one.put("min", consumer.minOffset(mq));
            one.put("max", consumer.maxOffset(mq));
            if (request.containsKey("timestamp")) {
                one.put("at", consumer.searchOffset(mq, request.getLongValue("timestamp")));
            }
            all.add(one);
        }
        return all;
    }

    private static List<MessageQueue> queues(DefaultMQPullConsumer consumer, JSONObject request) throws Exception {
        String topic = request.getString("topic");
        List<MessageQueue> queues = new ArrayList<>();
        if (request.containsKey("queueId")) {
            queues.add(new MessageQueue(topic, request.getString("brokerName"), request.getIntValue("queueId")));
        } else {
            queues.addAll(consumer.fetchSubscribeMessageQueues(topic));
            queues.sort(Comparator.naturalOrder());
        }
        return queues;
    }

    private DefaultMQPullConsumer consumer(String namesrv) throws Exception {
        synchronized (open) {
            DefaultMQPullConsumer consumer = open.get(namesrv);
            if (consumer == null) {
                consumer = new DefaultMQPullConsumer("interop_pull");
                consumer.setNamesrvAddr(namesrv);
                consumer.setInstanceName("pull-" + INSTANCES.incrementAndGet());
                consumer.start();
                open.put(namesrv, consumer);
            }
            return consumer;
        }
    }
}
