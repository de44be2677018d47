import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * The load of the side-by-side benchmark: one JVM for both brokers, orders as JSON lines on stdin, results on stdout.
 *
 * {"op":"sync","namesrv":A,"topic":T,"threads":8,"body":128,"seconds":5}   also "async" (inflight), "batch" (size, threads)
 * {"op":"drain","namesrv":A,"topic":T,"threads":4}                          pulls the whole topic once; with "sql" only what matches
 * {"op":"transaction",...}                                                  as "sync": half message, then its commit
 * {"op":"delay",...,"level":1}                                              as "sync" with this delay level, until all are delivered
 * {"op":"delay",...,"delayMs":1000}                                         as "sync" with timers of so many ms, until all are delivered
 * Answers {"messages":n,"seconds":s,"p50":us,"p99":us,"failed":n}.
 */
@SuppressWarnings("deprecation")
public final class Load {
    private static final Map<String, DefaultMQProducer> PRODUCERS = new HashMap<>();
    private static final TransactionListener COMMITS = new TransactionListener() {
        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }
    };
    private static final int SAMPLES = 200_000;

    public static void main(String[] args) throws Exception {
        PrintStream wire = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        wire.println("{\"ok\":\"ready\"}");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            JSONObject reply;
            try {
                reply = run(JSON.parseObject(line));
            } catch (Throwable e) {
                e.printStackTrace();
                reply = new JSONObject().fluentPut("error", e.toString());
            }
            wire.println(reply.toJSONString());
        }
        Runtime.getRuntime().halt(0);
    }

    private static JSONObject run(JSONObject order) throws Exception {
        switch (order.getString("op")) {
            case "sync": return threads(order, order.getIntValue("threads"), 1);
            case "transaction": return threads(order, order.getIntValue("threads"), 1);
            case "delay": return delayed(order);
            case "batch": return threads(order, order.getIntValue("threads"), order.getIntValue("size"));
            case "async": return async(order);
            case "drain": return drain(order);
            default: throw new IllegalArgumentException(order.getString("op"));
        }
    }

    private static synchronized DefaultMQProducer producer(JSONObject order) throws Exception {
        String namesrv = order.getString("namesrv");
        DefaultMQProducer p = PRODUCERS.get(namesrv);
        if (p == null) {
            TransactionMQProducer transactional = new TransactionMQProducer("load");
            transactional.setTransactionListener(COMMITS);
            p = transactional;
            p.setNamesrvAddr(namesrv);
            p.setInstanceName("load-" + namesrv);
            p.setSendMsgTimeout(10_000);
            p.setRetryTimesWhenSendFailed(0);
            p.setRetryTimesWhenSendAsyncFailed(0);
            p.start();
            PRODUCERS.put(namesrv, p);
        }
        return p;
    }

    private static byte[] body(int size) {
        byte[] body = new byte[size];
        Arrays.fill(body, (byte) 'x');
        return body;
    }

    private static Message message(String topic, byte[] body) {
        Message m = new Message(topic, body);
        m.setWaitStoreMsgOK(false);
        return m;
    }

    /** A message to send: delayed by the level or the ms of the order, with a number to filter by where the order wants one. */
    private static Message message(JSONObject order, String topic, byte[] body, long count) {
        Message m = message(topic, body);
        if (order.containsKey("level")) {
            m.setDelayTimeLevel(order.getIntValue("level"));
        }
        if (order.containsKey("delayMs")) {
            m.setDelayTimeMs(order.getLongValue("delayMs"));
        }
        if (order.getBooleanValue("numbered")) {
            m.putUserProperty("n", String.valueOf(count % 100));
        }
        return m;
    }

    /** Send delayed messages, then wait until the topic has all of them. */
    private static JSONObject delayed(JSONObject order) throws Exception {
        DefaultMQProducer producer = producer(order);
        String topic = order.getString("topic");
        sendFirst(producer, topic);
        long before = stored(producer, topic);
        long start = System.nanoTime();
        JSONObject sent = threads(order, order.getIntValue("threads"), 1);
        long end = before + sent.getLongValue("messages");
        while (stored(producer, topic) < end) {
            if (System.nanoTime() - start > 120e9) {
                throw new IllegalStateException("delayed messages were not delivered within 120 s");
            }
            Thread.sleep(20);
        }
        return sent.fluentPut("seconds", (System.nanoTime() - start) / 1e9);
    }

    /** A message that makes its topic; a busy broker may refuse some of the first. */
    private static void sendFirst(DefaultMQProducer producer, String topic) throws Exception {
        for (int left = 20; ; left--) {
            try {
                producer.send(message(topic, body(1)));
                return;
            } catch (Exception e) {
                if (left == 0) {
                    throw e;
                }
                Thread.sleep(500);
            }
        }
    }

    private static long stored(DefaultMQProducer producer, String topic) throws Exception {
        long all = 0;
        for (MessageQueue mq : producer.fetchPublishMessageQueues(topic)) {
            all += producer.maxOffset(mq);
        }
        return all;
    }

    /** Each thread sends one message, or one batch, and waits for its answer. */
    private static JSONObject threads(JSONObject order, int threads, int batch) throws Exception {
        DefaultMQProducer producer = producer(order);
        boolean transaction = order.getString("op").equals("transaction");
        String topic = order.getString("topic");
        byte[] body = body(order.getIntValue("body"));
        long nanos = (long) (order.getDoubleValue("seconds") * 1e9);
        AtomicLong failed = new AtomicLong();
        long[][] latencies = new long[threads][];
        long[] counts = new long[threads];
        List<Thread> all = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < threads; i++) {
            int id = i;
            Thread t = new Thread(() -> {
                long[] mine = new long[SAMPLES / threads];
                int taken = 0;
                long count = 0;
                long now = System.nanoTime();
                while (now - start < nanos) {
                    try {
                        if (transaction) {
                            producer.sendMessageInTransaction(message(order, topic, body, count), null);
                        } else if (batch == 1) {
                            producer.send(message(order, topic, body, count));
                        } else {
                            List<Message> list = new ArrayList<>(batch);
                            for (int k = 0; k < batch; k++) {
                                list.add(message(order, topic, body, count + k));
                            }
                            producer.send(list);
                        }
                        count += batch;
                    } catch (Exception e) {
                        failed.incrementAndGet();
                    }
                    long end = System.nanoTime();
                    if (taken < mine.length) {
                        mine[taken++] = end - now;
                    }
                    now = end;
                }
                counts[id] = count;
                latencies[id] = Arrays.copyOf(mine, taken);
            });
            all.add(t);
            t.start();
        }
        for (Thread t : all) {
            t.join();
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        return result(Arrays.stream(counts).sum(), seconds, Arrays.stream(latencies).flatMapToLong(Arrays::stream).toArray(), failed.get());
    }

    /** One thread keeps `inflight` sends without an answer. */
    private static JSONObject async(JSONObject order) throws Exception {
        DefaultMQProducer producer = producer(order);
        String topic = order.getString("topic");
        byte[] body = body(order.getIntValue("body"));
        int inflight = order.getIntValue("inflight");
        long nanos = (long) (order.getDoubleValue("seconds") * 1e9);
        Semaphore free = new Semaphore(inflight);
        AtomicLong sent = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        SendCallback callback = new SendCallback() {
            @Override
            public void onSuccess(SendResult r) {
                sent.incrementAndGet();
                free.release();
            }

            @Override
            public void onException(Throwable e) {
                failed.incrementAndGet();
                free.release();
            }
        };
        long start = System.nanoTime();
        while (System.nanoTime() - start < nanos) {
            free.acquire();
            try {
                producer.send(message(topic, body), callback);
            } catch (Exception e) {
                failed.incrementAndGet();
                free.release();
            }
        }
        free.acquire(inflight);
        double seconds = (System.nanoTime() - start) / 1e9;
        return result(sent.get(), seconds, new long[0], failed.get());
    }

    /** Pulls every queue of the topic from its start to its end, 32 messages a request, one queue a thread at a time. */
    private static JSONObject drain(JSONObject order) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("drain");
        consumer.setNamesrvAddr(order.getString("namesrv"));
        consumer.setInstanceName("drain-" + System.nanoTime());
        consumer.start();
        try {
            List<MessageQueue> queues = new ArrayList<>(consumer.fetchSubscribeMessageQueues(order.getString("topic")));
            Map<MessageQueue, Long> from = new HashMap<>();
            for (MessageQueue mq : queues) {
                from.put(mq, consumer.minOffset(mq));
            }
            AtomicLong got = new AtomicLong();
            AtomicLong failed = new AtomicLong();
            AtomicLong next = new AtomicLong();
            List<Thread> all = new ArrayList<>();
            long start = System.nanoTime();
            for (int i = 0; i < order.getIntValue("threads"); i++) {
                Thread t = new Thread(() -> {
                    for (int q; (q = (int) next.getAndIncrement()) < queues.size(); ) {
                        try {
                            got.addAndGet(drain(consumer, queues.get(q), from.get(queues.get(q)), order.getString("sql")));
                        } catch (Exception e) {
                            failed.incrementAndGet();
                        }
                    }
                });
                all.add(t);
                t.start();
            }
            for (Thread t : all) {
                t.join();
            }
            return result(got.get(), (System.nanoTime() - start) / 1e9, new long[0], failed.get());
        } finally {
            consumer.shutdown();
        }
    }

    /** How many offsets of the queue were passed; what does not match an expression counts too. */
    private static long drain(DefaultMQPullConsumer consumer, MessageQueue mq, long from, String sql) throws Exception {
        long offset = from;
        long end = consumer.maxOffset(mq);
        while (offset < end) {
            PullResult pulled = sql == null
                ? consumer.pull(mq, "*", offset, 32)
                : consumer.pull(mq, MessageSelector.bySql(sql), offset, 32);
            if (pulled.getNextBeginOffset() <= offset) {
                throw new IllegalStateException("no progress at " + offset + ": " + pulled.getPullStatus());
            }
            offset = pulled.getNextBeginOffset();
        }
        return offset - from;
    }

    private static JSONObject result(long messages, double seconds, long[] latencies, long failed) {
        Arrays.sort(latencies);
        JSONObject o = new JSONObject().fluentPut("messages", messages).fluentPut("seconds", seconds).fluentPut("failed", failed);
        if (latencies.length > 0) {
            o.put("p50", latencies[latencies.length / 2] / 1000);
            o.put("p99", latencies[(int) (latencies.length * 0.99)] / 1000);
        }
        return o;
    }
}
