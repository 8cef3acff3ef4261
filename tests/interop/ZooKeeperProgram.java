// What programs do through Apache's own Java client that zkCli.sh does not: several reads in one request, watches that stay,
// also over a reconnect, their removal, containers and TTL nodes. One line per step. Run by stock_clients_test.py:
//   java -cp ... ZooKeeperProgram 127.0.0.1:2181

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

public final class ZooKeeperProgram {
    private static final int SECONDS = 60;

    /** A session, and what its watches told. */
    private static final class Client implements AutoCloseable {
        final BlockingQueue<String> events = new LinkedBlockingQueue<>();
        final Watcher watcher = event -> {
            if (event.getPath() != null) events.add(event.getType() + " " + event.getPath());  // else it is of the connection
        };
        final BlockingQueue<Watcher.Event.KeeperState> states = new LinkedBlockingQueue<>();
        final ZooKeeper handle;

        Client(String address) throws Exception {
            handle = new ZooKeeper(address, 10000, event -> states.add(event.getState()));
            await(Watcher.Event.KeeperState.SyncConnected);
        }

        void await(Watcher.Event.KeeperState wanted) throws Exception {
            while (true) {
                Watcher.Event.KeeperState state = states.poll(SECONDS, TimeUnit.SECONDS);
                require("the state " + wanted, state != null);
                if (state == wanted) return;
            }
        }

        /** The next events are these. */
        void expect(String... expected) throws Exception {
            for (String one : expected) {
                String event = events.poll(SECONDS, TimeUnit.SECONDS);
                require(one + ", and not " + event, one.equals(event));
            }
        }

        /** And nothing was told so far but what was expected. */
        void quiet() throws Exception {
            handle.exists("/", false);
            require("nothing more than " + events, events.isEmpty());
        }

        @Override
        public void close() {
            try {
                handle.close();
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private interface Step {
        void run(Client client, ZooKeeper other) throws Exception;
    }

    private static int failures = 0;
    private static String address;

    private ZooKeeperProgram() {}

    public static void main(String[] arguments) throws Exception {
        address = arguments[0];
        try (Client client = new Client(address); Client other = new Client(address)) {
            step("reads", ZooKeeperProgram::reads, client, other.handle);
            step("persistent", ZooKeeperProgram::persistent, client, other.handle);
            step("recursive", ZooKeeperProgram::recursive, client, other.handle);
            step("removal", ZooKeeperProgram::removal, client, other.handle);
            step("containers", ZooKeeperProgram::containers, client, other.handle);
            step("reconnect", ZooKeeperProgram::reconnect, client, other.handle);
            for (String path : new String[] {"/jr", "/jt", "/jtx", "/back"}) ZKUtil.deleteRecursive(other.handle, path);
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    private static void step(String name, Step step, Client client, ZooKeeper other) {
        try {
            step.run(client, other);
            client.quiet();
            System.out.println("step " + name + " ok");
        } catch (Exception | AssertionError problem) {
            ++failures;
            System.out.println("step " + name + " failed: " + problem);
        }
    }

    private static void require(String what, boolean holds) {
        if (!holds) throw new AssertionError(what);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void create(ZooKeeper handle, String path) throws Exception {
        handle.create(path, bytes("x"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }

    private static void reads(Client client, ZooKeeper other) throws Exception {
        create(other, "/jr");
        create(other, "/jr/a");
        client.handle.create("/jr/e", bytes("y"), Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        List<OpResult> results = client.handle.multi(
            Arrays.asList(Op.getData("/jr/a"), Op.getChildren("/jr"), Op.getData("/jr/none"), Op.getData("/jr/e")));
        OpResult.GetDataResult data = (OpResult.GetDataResult) results.get(0);
        require("data", Arrays.equals(data.getData(), bytes("x")) && data.getStat().getVersion() == 0);
        List<String> children = new ArrayList<>(((OpResult.GetChildrenResult) results.get(1)).getChildren());
        children.sort(null);
        require("children", children.equals(Arrays.asList("a", "e")));
        require("an error", ((OpResult.ErrorResult) results.get(2)).getErr() == KeeperException.Code.NONODE.intValue());
        require("its data", Arrays.equals(((OpResult.GetDataResult) results.get(3)).getData(), bytes("y")));
        require("ephemerals", client.handle.getEphemerals().equals(Arrays.asList("/jr/e")));
        require("ephemerals below", client.handle.getEphemerals("/jr/a").isEmpty());
        require("nobody else's", other.getEphemerals().isEmpty());
        require("a count", client.handle.getAllChildrenNumber("/jr") == 2);
        require("who", client.handle.whoAmI().get(0).getUser().equals("127.0.0.1"));
    }

    private static void persistent(Client client, ZooKeeper other) throws Exception {
        client.handle.addWatch("/jp", client.watcher, AddWatchMode.PERSISTENT);
        create(other, "/jp");
        other.setData("/jp", bytes("1"), -1);
        other.setData("/jp", bytes("2"), -1);
        create(other, "/jp/c");
        create(other, "/jp/c/d");
        other.delete("/jp/c/d", -1);
        other.delete("/jp/c", -1);
        other.delete("/jp", -1);
        client.expect("NodeCreated /jp", "NodeDataChanged /jp", "NodeDataChanged /jp", "NodeChildrenChanged /jp",
                      "NodeChildrenChanged /jp", "NodeDeleted /jp");
    }

    private static void recursive(Client client, ZooKeeper other) throws Exception {
        client.handle.addWatch("/jt", client.watcher, AddWatchMode.PERSISTENT_RECURSIVE);
        create(other, "/jt");
        create(other, "/jt/c");
        create(other, "/jt/c/d");
        create(other, "/jtx");
        other.multi(Arrays.asList(Op.setData("/jt/c/d", bytes("1"), 0), Op.delete("/jt/c/d", 1), Op.delete("/jt/c", -1)));
        client.expect("NodeCreated /jt", "NodeCreated /jt/c", "NodeCreated /jt/c/d", "NodeDataChanged /jt/c/d",
                      "NodeDeleted /jt/c/d", "NodeDeleted /jt/c");
    }

    private static void removal(Client client, ZooKeeper other) throws Exception {
        client.handle.removeWatches("/jt", client.watcher, Watcher.WatcherType.Any, false);
        client.expect("PersistentWatchRemoved /jt");
        other.setData("/jt", bytes("unheard"), -1);
        try {
            client.handle.removeWatches("/jt", client.watcher, Watcher.WatcherType.Any, false);
            require("no watcher", false);
        } catch (KeeperException.NoWatcherException expected) {
            require("its path", expected.getPath().equals("/jt"));
        }
        client.handle.exists("/jr/later", client.watcher);
        client.handle.removeWatches("/jr/later", client.watcher, Watcher.WatcherType.Data, false);
        client.expect("DataWatchRemoved /jr/later");
        create(other, "/jr/later");
    }

    private static void containers(Client client, ZooKeeper other) throws Exception {
        Stat stat = new Stat();
        client.handle.addWatch("/jc", client.watcher, AddWatchMode.PERSISTENT_RECURSIVE);
        other.create("/jc", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER, stat);
        require("a Stat", stat.getCzxid() > 0 && stat.getEphemeralOwner() == 0);
        other.create("/jc/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 100);
        require("a Stat", stat.getCzxid() > 0 && stat.getEphemeralOwner() == 0);
        client.expect("NodeCreated /jc", "NodeCreated /jc/t", "NodeDeleted /jc/t", "NodeDeleted /jc");
    }

    /** A client through a relay that hangs up sets its watches again, in one request, when it comes back. */
    private static void reconnect(Client unused, ZooKeeper other) throws Exception {
        create(other, "/back");
        create(other, "/back/tree");
        try (Relay relay = new Relay(address); Client client = new Client(relay.address())) {
            client.handle.addWatch("/back", client.watcher, AddWatchMode.PERSISTENT);
            client.handle.addWatch("/back/tree", client.watcher, AddWatchMode.PERSISTENT_RECURSIVE);
            client.handle.exists("/back/once", client.watcher);
            client.handle.getData("/back/tree", client.watcher, null);
            relay.hangUp();
            client.await(Watcher.Event.KeeperState.Disconnected);
            create(other, "/back/once");
            create(other, "/back/tree/unheard");
            relay.answer();
            client.await(Watcher.Event.KeeperState.SyncConnected);
            client.expect("NodeCreated /back/once");
            create(other, "/back/tree/heard");
            other.setData("/back/tree", bytes("1"), -1);
            create(other, "/back/last");
            client.expect("NodeCreated /back/tree/heard", "NodeDataChanged /back/tree", "NodeChildrenChanged /back");
            client.quiet();
        }
    }

    /** Bytes go both ways until it hangs up. */
    private static final class Relay implements AutoCloseable {
        private final String target;
        private final ServerSocket listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        private final List<Socket> sockets = new ArrayList<>();
        private boolean answers = true;

        Relay(String target) throws IOException {
            this.target = target;
            inBackground(() -> {
                while (true) take(listener.accept());
            });
        }

        String address() {
            return "127.0.0.1:" + listener.getLocalPort();
        }

        private synchronized void take(Socket client) throws IOException {
            if (!answers) {
                client.close();
                return;
            }
            String[] words = target.split(":");
            Socket server = new Socket(words[0], Integer.parseInt(words[1]));
            sockets.add(client);
            sockets.add(server);
            inBackground(() -> client.getInputStream().transferTo(server.getOutputStream()));
            inBackground(() -> server.getInputStream().transferTo(client.getOutputStream()));
        }

        synchronized void hangUp() throws IOException {
            answers = false;
            for (Socket socket : sockets) socket.close();
            sockets.clear();
        }

        synchronized void answer() {
            answers = true;
        }

        @Override
        public void close() throws IOException {
            hangUp();
            listener.close();
        }

        private interface Work {
            void run() throws IOException;
        }

        private static void inBackground(Work work) {
            Thread thread = new Thread(() -> {
                try {
                    work.run();
                } catch (IOException ended) {
                    return;  // one of the sockets was closed
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
    }
}
