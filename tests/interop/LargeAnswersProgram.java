// Answers larger than jute.maxbuffer, as Apache's own Java client takes them: one line for each question.
// Run by large_requests_test.py: java -cp ... LargeAnswersProgram 127.0.0.1:2181

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;

public final class LargeAnswersProgram {
    private interface Question {
        int ask(ZooKeeper handle) throws Exception;
    }

    /** Over a connection of its own: the client ends one whose answer it does not take. */
    private static void show(String address, String name, Question question) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        try (ZooKeeper handle = new ZooKeeper(address, 20000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) connected.countDown();
        })) {
            if (!connected.await(60, TimeUnit.SECONDS)) throw new IllegalStateException("no connection");
            String told;
            try {
                told = String.valueOf(question.ask(handle));
            } catch (KeeperException e) {
                told = e.code().toString();
            }
            System.out.println(name + " " + told);
        }
    }

    public static void main(String[] args) throws Exception {
        show(args[0], "getData", handle -> handle.getData("/data", false, null).length);
        show(args[0], "getChildren", handle -> handle.getChildren("/many", false).size());
        show(args[0], "exists", handle -> handle.exists("/data", false).getDataLength());
    }
}
