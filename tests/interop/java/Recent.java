import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Clients that stay open by key, as long as they are among those used last: each has a dozen threads, some of which wake
 * some hundred times a second, and servers of earlier tests are gone.
 */
final class Recent<V> {
    private static final int MOST = 6;
    private final LinkedHashMap<String, V> open = new LinkedHashMap<>(16, 0.75f, true);
    private final Consumer<V> close;

    Recent(Consumer<V> close) {
        this.close = close;
    }

    synchronized V get(String key) {
        return open.get(key);
    }

    synchronized V remove(String key) {
        return open.remove(key);
    }

    /** Keeps one more, and closes in a thread of its own the one that was not used for longest. */
    synchronized void put(String key, V value) {
        open.put(key, value);
        if (open.size() > MOST) {
            Map.Entry<String, V> eldest = open.entrySet().iterator().next();
            open.remove(eldest.getKey());
            Thread closing = new Thread(() -> close.accept(eldest.getValue()), "closing");
            closing.setDaemon(true);
            closing.start();
        }
    }
}
