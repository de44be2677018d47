import com.alibaba.fastjson.JSONArray;
import com.alibaba.fastjson.JSONObject;
import java.util.Map;
import org.apache.rocketmq.filter.expression.BooleanExpression;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.parser.SelectorParser;
import org.apache.rocketmq.filter.util.BloomFilter;

/** Apache's own evaluator of SQL92 expressions, and its bloom filter. */
final class Sql {
    /**
     * For each pair of `sql` and `properties` a word: what the expression is for the properties (true, false, null), "raises"
     * where it cannot be evaluated, or "refused".
     */
    Object evaluate(JSONObject request) {
        JSONArray answers = new JSONArray();
        for (Object each : request.getJSONArray("pairs")) {
            JSONObject pair = (JSONObject) each;
            answers.add(answer(pair.getString("sql"), pair.getJSONObject("properties").getInnerMap()));
        }
        return answers;
    }

    /** The bits of each text in the filter of an error rate (percent) and a number of consumers. */
    Object bloom(JSONObject request) {
        BloomFilter filter = BloomFilter.createByFn(request.getIntValue("errorRate"), request.getIntValue("consumers"));
        JSONArray answers = new JSONArray();
        for (Object text : request.getJSONArray("texts")) {
            answers.add(filter.generate((String) text));
        }
        return answers;
    }

    private static String answer(String sql, Map<String, Object> properties) {
        BooleanExpression expression;
        try {
            expression = SelectorParser.parse(sql);
        } catch (Exception refused) {
            return "refused";
        }
        try {
            return String.valueOf(expression.evaluate(new EvaluationContext() {
                @Override
                public Object get(String name) {
                    return properties.get(name);
                }

                @Override
                public Map<String, Object> keyValues() {
                    return properties;
                }
            }));
        } catch (Exception raised) {
            return "raises";
        }
    }
}
