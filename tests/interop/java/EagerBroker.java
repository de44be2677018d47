import java.lang.reflect.Field;
import java.util.List;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.broker.BrokerStartup;
import org.apache.rocketmq.store.config.BrokerRole;

/**
 * Apache's broker by its own startup, which registers soon. A 5.x broker registers with the name servers that it is connected
 * to; as it starts it does not wait for the connection, and where that comes a moment later it registers 10 s later. Here it
 * registers once more as soon as it is connected.
 */
public final class EagerBroker {
    public static void main(String[] args) throws Exception {
        BrokerController controller = BrokerStartup.createBrokerController(args);
        BrokerStartup.start(controller);
        if (controller.getMessageStoreConfig().getBrokerRole() == BrokerRole.SLAVE) {
            Thread often = new Thread(() -> takeOver(controller), "takes over often");
            often.setDaemon(true);
            often.start();
        }
        Object client;
        try {
            client = field(controller.getBrokerOuterAPI(), "remotingClient");
            client.getClass().getMethod("getAvailableNameSrvList");
        } catch (NoSuchMethodException waits) {
            return; // 4.9 asks every name server it knows
        }
        for (int attempt = 0; attempt < 500; attempt++) {
            if (!((List<?>) client.getClass().getMethod("getAvailableNameSrvList").invoke(client)).isEmpty()) {
                if (!(boolean) field(controller, "isIsolated")) {
                    controller.registerBrokerAll(true, false, true);
                }
                return;
            }
            Thread.sleep(20);
        }
    }

    private static void takeOver(BrokerController controller) {
        try {
            Object tables = field(controller, "slaveSynchronize");
            while (true) {
                tables.getClass().getMethod("syncAll").invoke(tables);
                Thread.sleep(1000);
            }
        } catch (ReflectiveOperationException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Object field(Object of, String name) throws ReflectiveOperationException {
        Field field = of.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
    }
}
