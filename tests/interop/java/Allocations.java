import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMachineRoomNearby;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByConfig;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.common.message.MessageQueue;

/** What Apache's strategies share out. */
final class Allocations {
    /** For each case the queues, by their places in the case, that its strategy gives to its client, in their order. */
    static Object allocate(JSONObject request) {
        JSONArray answers = new JSONArray();
        for (Object each : request.getJSONArray("cases")) {
            JSONObject one = (JSONObject) each;
            List<MessageQueue> queues = new ArrayList<>();
            for (Object queue : one.getJSONArray("queues")) {
                JSONArray parts = (JSONArray) queue;
                queues.add(new MessageQueue(parts.getString(0), parts.getString(1), parts.getIntValue(2)));
            }
            List<String> clients = one.getJSONArray("clients").toJavaList(String.class);
            JSONArray given = new JSONArray();
            for (MessageQueue queue : strategy(one, queues).allocate("group", one.getString("client"), queues, clients)) {
                given.add(queues.indexOf(queue));
            }
            answers.add(given);
        }
        return answers;
    }

    private static AllocateMessageQueueStrategy strategy(JSONObject one, List<MessageQueue> queues) {
        switch (one.getString("strategy")) {
            case "averagely": return new AllocateMessageQueueAveragely();
            case "circle": return new AllocateMessageQueueAveragelyByCircle();
            case "hash": return new AllocateMessageQueueConsistentHash(one.getIntValue("nodes"));
            case "config": {
                AllocateMessageQueueByConfig byConfig = new AllocateMessageQueueByConfig();
                byConfig.setMessageQueueList(queues.subList(0, one.getIntValue("nodes") % queues.size()));
                return byConfig;
            }
            case "room": {
                AllocateMessageQueueByMachineRoom byRoom = new AllocateMessageQueueByMachineRoom();
                byRoom.setConsumeridcs(new HashSet<>(one.getJSONArray("rooms").toJavaList(String.class)));
                return byRoom;
            }
            case "nearby": return new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), new ByName());
            default: throw new IllegalArgumentException("unknown strategy " + one.getString("strategy"));
        }
    }

    /** The room of a broker or a client is what its name has before its `@`. */
    private static final class ByName implements AllocateMachineRoomNearby.MachineRoomResolver {
        @Override
        public String brokerDeployIn(MessageQueue queue) {
            return queue.getBrokerName().split("@")[0];
        }

        @Override
        public String consumerDeployIn(String client) {
            return client.split("@")[0];
        }
    }
}
