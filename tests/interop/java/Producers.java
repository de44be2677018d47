import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.exception.RemotingSendRequestException;

/** Sends with Apache's producers: sync, async, oneway, batch, to a chosen queue, in a transaction. Producers stay open by name. */
final class Producers {
    private static final AtomicInteger INSTANCES = new AtomicInteger();
    private final Recent<DefaultMQProducer> open = new Recent<>(Producers::shutdown);

    Object send(JSONObject request) throws Exception {
        String mode = request.getString("mode");
        DefaultMQProducer producer = producer(request, "transaction".equals(mode));
        List<Message> messages = new ArrayList<>();
        JSONArray specs = request.getJSONArray("messages");
        for (int i = 0; i < specs.size(); i++) {
            messages.add(message(specs.getJSONObject(i)));
        }
        switch (mode == null ? "sync" : mode) {
            case "sync": return sync(producer, messages, specs);
            case "async": return async(producer, messages);
            case "oneway":
                for (Message m : messages) {
                    producer.sendOneway(m);
                }
                return messages.size();
            case "batch": return new JSONArray().fluentAdd(result(producer.send(messages)));
            case "transaction": return transaction((TransactionMQProducer) producer, messages);
            default: throw new IllegalArgumentException("unknown mode " + mode);
        }
    }

    Object close(JSONObject request) {
        DefaultMQProducer producer = open.remove(key(request));
        if (producer != null) {
            shutdown(producer);
        }
        return producer != null;
    }

    private static void shutdown(DefaultMQProducer producer) {
        try (Hurry hurry = new Hurry()) {
            producer.shutdown();
        }
    }

    private static String key(JSONObject r) {
        return r.getString("namesrv") + "|" + r.getString("group");
    }

    private DefaultMQProducer producer(JSONObject request, boolean transactional) throws Exception {
        synchronized (open) {
            DefaultMQProducer producer = open.get(key(request));
            if (producer != null) {
                return producer;
            }
            String group = request.getString("group");
            if (transactional) {
                TransactionMQProducer t = new TransactionMQProducer(group, Credentials.hook(request));
                t.setTransactionListener(new ByProperty());
                producer = t;
            } else {
                producer = request.getBooleanValue("trace")
                    ? new DefaultMQProducer(group, null, true, request.getString("traceTopic"))
                    : new DefaultMQProducer(group, Credentials.hook(request));
                if (request.containsKey("sendTimeoutMs")) {
                    producer.setSendMsgTimeout(request.getIntValue("sendTimeoutMs"));
                }
            }
            if (request.containsKey("namesrv")) { // else it asks the address server
                producer.setNamesrvAddr(request.getString("namesrv"));
            }
            if (request.containsKey("namespace")) {
                producer.setNamespace(request.getString("namespace"));
            }
            // A client's id is that of its machine and this: replies go to whoever has it, in whichever JVM.
            producer.setInstanceName("producer-" + ProcessHandle.current().pid() + "-" + INSTANCES.incrementAndGet());
            producer.setHeartbeatBrokerInterval(1000);
            producer.setVipChannelEnabled(request.getBooleanValue("vip"));
            if (request.containsKey("compressOver")) {
                producer.setCompressMsgBodyOverHowmuch(request.getIntValue("compressOver"));
            }
            if (request.containsKey("compressType")) {
                setCompressType(producer, request.getString("compressType"));
            }
            if (request.containsKey("retries")) {
                producer.setRetryTimesWhenSendFailed(request.getIntValue("retries"));
            }
            producer.start();
            calm(producer);
            open.put(key(request), producer);
            return producer;
        }
    }

    /** The reply to one message. By a callback: what waits for the reply itself gives up in 5.3.3 once the request is sent. */
    Object request(JSONObject request) throws Exception {
        CompletableFuture<Message> reply = new CompletableFuture<>();
        long timeoutMs = request.getLongValue("timeoutMs");
        producer(request, false).request(message(request.getJSONObject("message")), new RequestCallback() {
            @Override
            public void onSuccess(Message message) {
                if (message != null) { // the first call says that the request is sent
                    reply.complete(message);
                }
            }

            @Override
            public void onException(Throwable e) {
                reply.completeExceptionally(e);
            }
        }, timeoutMs);
        return Records.of((MessageExt) reply.get(timeoutMs, TimeUnit.MILLISECONDS));
    }

    /** The unique key of the recalled message, or what was answered. */
    Object recall(JSONObject request) throws Exception {
        DefaultMQProducer producer = producer(request, false);
        try {
            return producer.getClass().getMethod("recallMessage", String.class, String.class)
                .invoke(producer, request.getString("topic"), request.getString("handle"));
        } catch (java.lang.reflect.InvocationTargetException e) {
            return e.getCause().toString();
        }
    }

    /** What 5.x gathers batches with looks 400 times a second for some; here nobody sends in that way. */
    private static void calm(DefaultMQProducer producer) throws Exception {
        try {
            producer.getClass().getMethod("batchMaxDelayMs", int.class).invoke(producer, 200);
        } catch (NoSuchMethodException before) {
            return; // 5.2
        }
    }

    private static void setCompressType(DefaultMQProducer producer, String name) throws Exception {
        Class<?> type = Class.forName("org.apache.rocketmq.common.compression.CompressionType");
        producer.getClass().getMethod("setCompressType", type).invoke(producer, type.getMethod("of", String.class).invoke(null, name));
    }

    private static Message message(JSONObject spec) {
        byte[] body = spec.containsKey("body")
            ? spec.getString("body").getBytes(StandardCharsets.UTF_8)
            : Records.body(spec.getIntValue("bodySize"), spec.getLongValue("seed"));
        Message m = new Message(spec.getString("topic"), spec.getString("tags"), spec.getString("keys"), body);
        m.setFlag(spec.getIntValue("flag"));
        if (spec.containsKey("delay")) {
            m.setDelayTimeLevel(spec.getIntValue("delay"));
        }
        for (String name : new String[] {"TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS"}) {
            if (spec.containsKey(name)) {
                MessageAccessor.putProperty(m, name, spec.getString(name));
            }
        }
        JSONObject properties = spec.getJSONObject("properties");
        if (properties != null) {
            properties.forEach((k, v) -> m.putUserProperty(k, String.valueOf(v)));
        }
        return m;
    }

    private static JSONArray sync(DefaultMQProducer producer, List<Message> messages, JSONArray specs) throws Exception {
        JSONArray results = new JSONArray();
        for (int i = 0; i < messages.size(); i++) {
            Integer queue = specs.getJSONObject(i).getInteger("queue");
            results.add(result(queue == null ? producer.send(messages.get(i), 10_000) : send(producer, messages.get(i), queue)));
        }
        return results;
    }

    /** To a chosen queue. The client makes one attempt at that, also where its connection was closed just then and nothing was sent. */
    private static SendResult send(DefaultMQProducer producer, Message message, int queue) throws Exception {
        for (int attempt = 1; ; attempt++) {
            try {
                return producer.send(message, (queues, m, arg) -> queues.get((Integer) arg % queues.size()), queue, 10_000);
            } catch (RemotingSendRequestException e) {
                if (attempt == 3) {
                    throw e;
                }
            }
        }
    }

    private static JSONArray async(DefaultMQProducer producer, List<Message> messages) throws Exception {
        JSONArray results = new JSONArray();
        CountDownLatch left = new CountDownLatch(messages.size());
        for (Message m : messages) {
            producer.send(m, new SendCallback() {
                @Override
                public void onSuccess(SendResult sent) {
                    add(result(sent));
                }

                @Override
                public void onException(Throwable e) {
                    add(new JSONObject().fluentPut("status", e.toString()));
                }

                private void add(JSONObject one) {
                    synchronized (results) {
                        results.add(one);
                    }
                    left.countDown();
                }
            }, 10_000);
        }
        if (!left.await(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException(left.getCount() + " async sends had no answer");
        }
        return results;
    }

    private static JSONArray transaction(TransactionMQProducer producer, List<Message> messages) throws Exception {
        JSONArray results = new JSONArray();
        for (Message m : messages) {
            results.add(result(producer.sendMessageInTransaction(m, null)));
        }
        return results;
    }

    private static JSONObject result(SendResult sent) {
        JSONObject o = new JSONObject(true);
        o.put("status", sent.getSendStatus().name());
        o.put("msgId", sent.getMsgId());
        o.put("offsetMsgId", sent.getOffsetMsgId());
        o.put("queueId", sent.getMessageQueue().getQueueId());
        o.put("brokerName", sent.getMessageQueue().getBrokerName());
        o.put("queueOffset", sent.getQueueOffset());
        try {
            o.put("recallHandle", sent.getClass().getMethod("getRecallHandle").invoke(sent));
        } catch (ReflectiveOperationException e) {
            o.put("recallHandle", null); // before 5.3.2
        }
        return o;
    }

    /** The user property "outcome" says how the transaction ends: commit, rollback, or unknown, which the check then commits. */
    private static final class ByProperty implements TransactionListener {
        @Override
        public LocalTransactionState executeLocalTransaction(Message m, Object arg) {
            switch (m.getUserProperty("outcome")) {
                case "commit": return LocalTransactionState.COMMIT_MESSAGE;
                case "rollback": return LocalTransactionState.ROLLBACK_MESSAGE;
                default: return LocalTransactionState.UNKNOW;
            }
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt m) {
            return "rollback".equals(m.getUserProperty("outcome"))
                ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.COMMIT_MESSAGE;
        }
    }
}
