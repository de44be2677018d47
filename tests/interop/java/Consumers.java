import static java.nio.charset.StandardCharsets.UTF_8;

import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Apache's push consumers by name: clustering or broadcasting, concurrently or orderly, by tags or SQL; what each received.
 * One that replies answers each message with its body turned round; one that hangs takes nothing until it is closed.
 */
@SuppressWarnings("deprecation")
final class Consumers {
    private final Map<String, Running> running = new ConcurrentHashMap<>();

    Object subscribe(JSONObject request) throws Exception {
        Running r = new Running(request);
        if (running.putIfAbsent(request.getString("name"), r) != null) {
            throw new IllegalArgumentException("consumer " + request.getString("name") + " runs already");
        }
        if (r.replies != null) {
            r.replies.start();
        }
        r.consumer.start();
        return r.consumer.buildMQClientId();
    }

    /** Waits until at least `count` messages came or `timeoutMs` passed, then gives all that came. */
    Object received(JSONObject request) throws Exception {
        Running r = named(request);
        long deadline = System.currentTimeMillis() + request.getLongValue("timeoutMs");
        synchronized (r.messages) {
            long left;
            while (r.messages.size() < request.getIntValue("count") && (left = deadline - System.currentTimeMillis()) > 0) {
                r.messages.wait(left);
            }
            return new JSONArray(new ArrayList<>(r.messages));
        }
    }

    /** Queue ids of a topic now assigned to the consumer; waits until there are `count` or `timeoutMs` passed. */
    Object assigned(JSONObject request) throws Exception {
        Running r = named(request);
        long deadline = System.currentTimeMillis() + request.getLongValue("timeoutMs");
        while (true) {
            Set<Integer> ids = new TreeSet<>();
            for (MessageQueue mq : r.consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet()) {
                if (mq.getTopic().equals(request.getString("topic"))) {
                    ids.add(mq.getQueueId());
                }
            }
            if (ids.size() == request.getIntValue("count") || System.currentTimeMillis() > deadline) {
                return ids;
            }
            Thread.sleep(20);
        }
    }

    Object close(JSONObject request) {
        Running r = running.remove(request.getString("name"));
        if (r != null) {
            r.over.countDown();
            try (Hurry hurry = new Hurry()) {
                r.consumer.shutdown();
                if (r.replies != null) {
                    r.replies.shutdown();
                }
            }
        }
        return r != null;
    }

    /** Tells the broker the offsets now; by itself a consumer does so first after 10 s. */
    Object commit(JSONObject request) {
        named(request).consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
        return true;
    }

    private Running named(JSONObject request) {
        Running r = running.get(request.getString("name"));
        if (r == null) {
            throw new IllegalArgumentException("no consumer " + request.getString("name"));
        }
        return r;
    }

    private static final class Running {
        final DefaultMQPushConsumer consumer;
        final DefaultMQProducer replies;
        final List<JSONObject> messages = new ArrayList<>();
        /** What hangs does so until this is open. */
        final CountDownLatch over;
        private final String rejectPrefix;
        private int toReject;

        Running(JSONObject request) throws Exception {
            String group = request.getString("group");
            consumer = request.getBooleanValue("trace")
                ? new DefaultMQPushConsumer(group, null, new AllocateMessageQueueAveragely(), true, request.getString("traceTopic"))
                : new DefaultMQPushConsumer(group, Credentials.hook(request), new AllocateMessageQueueAveragely());
            if (request.containsKey("namesrv")) { // else it asks the address server
                consumer.setNamesrvAddr(request.getString("namesrv"));
            }
            replies = request.getBooleanValue("reply") ? new DefaultMQProducer(group + "_replies", Credentials.hook(request)) : null;
            if (replies != null) {
                replies.setNamesrvAddr(request.getString("namesrv"));
                replies.setInstanceName(request.getString("name"));
            }
            if (request.containsKey("namespace")) {
                consumer.setNamespace(request.getString("namespace"));
            }
            consumer.setInstanceName(request.getString("name"));
            consumer.setVipChannelEnabled(request.getBooleanValue("vip"));
            consumer.setPollNameServerInterval(1000);
            boolean last = "LAST".equals(request.getString("from"));
            consumer.setConsumeFromWhere(
                last ? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET : ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
            if ("BROADCASTING".equals(request.getString("model"))) {
                setBroadcasting(consumer);
            }
            if (request.containsKey("maxReconsumeTimes")) {
                consumer.setMaxReconsumeTimes(request.getIntValue("maxReconsumeTimes"));
            }
            if (request.containsKey("batch")) {
                consumer.setConsumeMessageBatchMaxSize(request.getIntValue("batch"));
            }
            over = new CountDownLatch(request.getBooleanValue("hangs") ? 1 : 0);
            toReject = request.getIntValue("rejectFirst");
            rejectPrefix = request.getString("rejectPrefix");
            consumer.setSuspendCurrentQueueTimeMillis(100);
            if (request.containsKey("sql")) {
                consumer.subscribe(request.getString("topic"), MessageSelector.bySql(request.getString("sql")));
            } else if (request.containsKey("filterClass")) {
                consumer.subscribe(request.getString("topic"), request.getString("filterClass"), "// its source");
            } else {
                String tags = request.getString("tags");
                consumer.subscribe(request.getString("topic"), tags == null ? "*" : tags);
            }
            if (request.getBooleanValue("orderly")) {
                consumer.registerMessageListener((MessageListenerOrderly) (list, context) ->
                    take(list) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT);
            } else {
                consumer.registerMessageListener((MessageListenerConcurrently) (list, context) -> {
                    context.setDelayLevelWhenNextConsume(1);
                    return take(list) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER;
                });
            }
        }

        private boolean take(List<MessageExt> list) {
            try {
                over.await();
            } catch (InterruptedException e) {
                return false;
            }
            for (MessageExt m : list) {
                reply(m);
            }
            synchronized (messages) {
                for (MessageExt m : list) {
                    messages.add(Records.of(m));
                }
                messages.notifyAll();
                return toReject-- <= 0 && (rejectPrefix == null || list.stream().noneMatch(this::isRejected));
            }
        }

        private boolean isRejected(MessageExt m) {
            return new String(m.getBody(), UTF_8).startsWith(rejectPrefix);
        }

        private void reply(MessageExt m) {
            if (replies == null) {
                return;
            }
            try {
                replies.send(MessageUtil.createReplyMessage(m, new StringBuilder(new String(m.getBody(), UTF_8)).reverse().toString().getBytes(UTF_8)));
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @SuppressWarnings({"unchecked", "rawtypes"})
        private static void setBroadcasting(DefaultMQPushConsumer consumer) throws Exception {
            Class<?> model = consumer.getMessageModel().getClass();
            consumer.getClass().getMethod("setMessageModel", model)
                .invoke(consumer, Enum.valueOf((Class<Enum>) model, "BROADCASTING"));
        }
    }
}
