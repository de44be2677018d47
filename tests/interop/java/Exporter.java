import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Makes the calls of rocketmq-exporter (its MetricsCollectTask and ClientMetricTaskRunnable), in their order, and gives what
 * each has got: the part of the answer that becomes a metric, or the code of the error.
 */
@SuppressWarnings("deprecation")
final class Exporter {
    private static final long MASTER = 0L;
    private final JSONArray all = new JSONArray();

    private interface Call {
        Object answer() throws Exception;
    }

    private Object ask(String call, String about, Call made) {
        JSONObject one = new JSONObject().fluentPut("call", call).fluentPut("about", about);
        all.add(one);
        try {
            Object answer = made.answer();
            one.put("answer", answer);
            return answer;
        } catch (MQBrokerException e) {
            one.put("error", e.getResponseCode());
        } catch (MQClientException e) {
            one.put("error", e.getResponseCode());
        } catch (Exception e) {
            one.put("error", e.toString());
        }
        return null;
    }

    static Object collect(JSONObject request) throws Exception {
        String namesrv = request.getString("namesrv");
        String instance = "exporter-" + System.nanoTime();
        DefaultMQAdminExt admin = new DefaultMQAdminExt(10_000);
        admin.setNamesrvAddr(namesrv);
        admin.setInstanceName(instance + "-admin");
        DefaultMQPullConsumer puller = new DefaultMQPullConsumer("CID_RMQ_SYS_SYS_EXPORTER");
        puller.setNamesrvAddr(namesrv);
        puller.setInstanceName(instance + "-pulls");
        try {
            admin.start();
            puller.start();
            Exporter exporter = new Exporter();
            exporter.everything(admin, puller);
            return exporter.all;
        } finally {
            try (Hurry hurry = new Hurry()) {
                puller.shutdown();
                admin.shutdown();
            }
        }
    }

    private void everything(DefaultMQAdminExt admin, DefaultMQPullConsumer puller) throws Exception {
        var cluster = admin.examineBrokerClusterInfo();
        TreeSet<String> topics = new TreeSet<>(admin.fetchAllTopicList().getTopicList());
        ask("fetchAllTopicList", "", () -> topics);
        for (String topic : topics) {
            ask("examineTopicStats", topic, () -> {
                long end = 0;
                boolean dated = false;
                var queues = admin.examineTopicStats(topic).getOffsetTable().values();
                for (var queue : queues) {
                    end += queue.getMaxOffset();
                    dated |= queue.getLastUpdateTimestamp() > 0;
                }
                return new JSONObject(true).fluentPut("queues", queues.size()).fluentPut("end", end).fluentPut("dated", dated);
            });
            consumers(admin, puller, topic);
            statistics(admin, topic);
        }
        for (var broker : cluster.getBrokerAddrTable().values()) {
            String master = broker.getBrokerAddrs().get(MASTER);
            ask("getAllProducerInfo", broker.getBrokerName(), () -> {
                TreeMap<String, Integer> count = new TreeMap<>();
                admin.getAllProducerInfo(master).getData().forEach((group, each) -> count.put(group, each.size()));
                return count;
            });
            for (String name : List.of("BROKER_PUT_NUMS", "BROKER_GET_NUMS")) {
                viewed(admin, master, name, broker.getCluster());
            }
            ask("fetchBrokerRuntimeStats", broker.getBrokerName(), () -> admin.fetchBrokerRuntimeStats(master).getTable());
        }
    }

    private void consumers(DefaultMQAdminExt admin, DefaultMQPullConsumer puller, String topic) {
        if (topic.startsWith("%DLQ%")) {
            return;
        }
        List<String> groups = new ArrayList<>();
        ask("queryTopicConsumeByWho", topic, () -> {
            groups.addAll(new TreeSet<>(admin.queryTopicConsumeByWho(topic).getGroupList()));
            return groups;
        });
        for (String group : groups) {
            ask("examineConsumerConnectionInfo", group, () -> {
                var found = admin.examineConsumerConnectionInfo(group);
                for (var connection : found.getConnectionSet()) {
                    ask("getConsumerRunningInfo", group + " " + connection.getClientId().replaceAll(".*@", ""), () ->
                        new TreeSet<>(admin.getConsumerRunningInfo(group, connection.getClientId(), false).getStatusTable().keySet()));
                }
                return new JSONObject(true).fluentPut("model", String.valueOf(found.getMessageModel()))
                    .fluentPut("count", found.getConnectionSet().size());
            });
            ask("examineConsumeStats", group + " " + topic, () -> {
                var stats = admin.examineConsumeStats(group, topic);
                long committed = 0;
                TreeSet<String> latency = new TreeSet<>();
                for (var entry : stats.getOffsetTable().entrySet()) {
                    committed += entry.getValue().getConsumerOffset();
                    latency.add(puller.pull(entry.getKey(), "*", entry.getValue().getConsumerOffset(), 1).getPullStatus().name());
                }
                return new JSONObject(true).fluentPut("queues", stats.getOffsetTable().size())
                    .fluentPut("lag", stats.computeTotalDiff()).fluentPut("committed", committed).fluentPut("latency", latency);
            });
        }
    }

    private void statistics(DefaultMQAdminExt admin, String topic) throws Exception {
        if (topic.startsWith("%RETRY%") || topic.startsWith("%DLQ%")) {
            return;
        }
        for (var broker : admin.examineTopicRouteInfo(topic).getBrokerDatas()) {
            String master = broker.getBrokerAddrs().get(MASTER);
            for (String name : List.of("TOPIC_PUT_NUMS", "TOPIC_PUT_SIZE")) {
                viewed(admin, master, name, topic);
            }
            List<String> groups = new ArrayList<>();
            try {
                groups.addAll(new TreeSet<>(admin.queryTopicConsumeByWho(topic).getGroupList()));
            } catch (MQBrokerException | MQClientException e) {
                continue;  // was asked, and noted, before
            }
            for (String group : groups) {
                for (String name : List.of("GROUP_GET_NUMS", "GROUP_GET_SIZE", "SNDBCK_PUT_NUMS")) {
                    viewed(admin, master, name, topic + "@" + group);
                }
            }
        }
    }

    private void viewed(DefaultMQAdminExt admin, String master, String name, String key) {
        ask("viewBrokerStatsData " + name, key, () -> admin.viewBrokerStatsData(master, name, key).getStatsMinute() != null);
    }
}
