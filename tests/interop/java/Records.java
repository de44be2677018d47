import com.alibaba.fastjson.JSONObject;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Random;
import java.util.TreeMap;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages as JSON objects with the field names of the golden manifests, and the seeded bodies that both sides can build. */
final class Records {
    private static final int TEXT_LIMIT = 256;

    private Records() {
    }

    static JSONObject of(MessageExt m) {
        JSONObject o = new JSONObject(true);
        o.put("topic", m.getTopic());
        o.put("queueId", m.getQueueId());
        o.put("queueOffset", m.getQueueOffset());
        o.put("commitLogOffset", m.getCommitLogOffset());
        o.put("storeSize", m.getStoreSize());
        o.put("bornTimestamp", m.getBornTimestamp());
        o.put("storeTimestamp", m.getStoreTimestamp());
        o.put("bornHost", String.valueOf(m.getBornHost()));
        o.put("storeHost", String.valueOf(m.getStoreHost()));
        o.put("sysFlag", m.getSysFlag());
        o.put("flag", m.getFlag());
        o.put("bodyCRC", m.getBodyCRC());
        o.put("reconsumeTimes", m.getReconsumeTimes());
        o.put("preparedTransactionOffset", m.getPreparedTransactionOffset());
        o.put("msgId", m.getMsgId());
        o.put("offsetMsgId", m instanceof MessageClientExt ? ((MessageClientExt) m).getOffsetMsgId() : m.getMsgId());
        byte[] body = m.getBody() == null ? new byte[0] : m.getBody();
        o.put("bodyLength", body.length);
        o.put("bodySha256", sha256(body));
        if (body.length <= TEXT_LIMIT) {
            o.put("body", new String(body, StandardCharsets.UTF_8));
        }
        o.put("properties", new TreeMap<>(m.getProperties()));
        return o;
    }

    static String sha256(byte[] bytes) {
        try {
            return String.format("%064x", new BigInteger(1, MessageDigest.getInstance("SHA-256").digest(bytes)));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A body of words: compresses, yet differs with each seed. */
    static byte[] body(int size, long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder(size + 16);
        while (text.length() < size) {
            text.append("word").append(random.nextInt(1000)).append(' ');
        }
        return text.substring(0, size).getBytes(StandardCharsets.US_ASCII);
    }
}
