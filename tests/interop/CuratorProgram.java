// What programs do through Curator 5, against one server: the framework's operations, and recipes. Prints one line per
// step and, at the end, how the connection fared. Run by curator_test.py:
//   java -cp ... CuratorProgram 127.0.0.1:2181

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

@SuppressWarnings("deprecation")  // PathChildrenCache is what deployed programs use
public final class CuratorProgram {
    private static final int SECONDS = 60;
    private static final int ROUNDS = 20;

    /** A client of its own session, and what its connection went through. */
    private static final class Client implements AutoCloseable {
        final CuratorFramework framework;
        final List<ConnectionState> states = Collections.synchronizedList(new ArrayList<>());

        Client(String address) throws Exception {
            framework = CuratorFrameworkFactory.newClient(address, 30000, 15000, new RetryOneTime(100));
            framework.getConnectionStateListenable().addListener((client, state) -> states.add(state));
            framework.start();
            require("a connection", framework.blockUntilConnected(SECONDS, TimeUnit.SECONDS));
        }

        @Override
        public void close() {
            framework.close();
        }
    }

    private interface Step {
        void run(Client first, Client second) throws Exception;
    }

    private static int failures = 0;

    private CuratorProgram() {}

    public static void main(String[] arguments) throws Exception {
        try (Client first = new Client(arguments[0]); Client second = new Client(arguments[0])) {
            // Parents are made by hand: as containers they would go between two steps.
            for (String path : new String[] {"/mutex", "/children", "/latch", "/number", "/persistent"}) {
                first.framework.create().forPath(path, new byte[0]);
            }
            step("operations", CuratorProgram::operations, first, second);
            step("background", CuratorProgram::background, first, second);
            step("watch", CuratorProgram::watch, first, second);
            step("transaction", CuratorProgram::transaction, first, second);
            step("mutex", CuratorProgram::mutex, first, second);
            step("children", CuratorProgram::children, first, second);
            step("latch", CuratorProgram::latch, first, second);
            step("number", CuratorProgram::number, first, second);
            step("persistent", CuratorProgram::persistent, first, second);
            step("containers", CuratorProgram::containers, first, second);
            step("ttl", CuratorProgram::ttl, first, second);
            step("persistent_watcher", CuratorProgram::persistentWatcher, first, second);
            step("cache", CuratorProgram::cache, first, second);
            step("removal", CuratorProgram::removal, first, second);
            step("after_all", CuratorProgram::operations, first, second);
            report(first, second);
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    /** Parents as containers: they go with their last child. */
    private static void containers(Client first, Client second) throws Exception {
        CuratorFramework client = first.framework;
        client.create().withMode(CreateMode.CONTAINER).forPath("/container");
        client.create().creatingParentContainersIfNeeded().forPath("/container/parent/n");
        require("no owner that clients see", client.checkExists().forPath("/container").getEphemeralOwner() == 0);
        client.delete().forPath("/container/parent/n");
        awaitAbsence(second.framework, "/container");
    }

    private static void ttl(Client first, Client second) throws Exception {
        CuratorFramework client = first.framework;
        client.create().withTtl(200).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/ttl-short");
        client.create().withTtl(3_600_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/ttl-long");
        String path = client.create().withTtl(3_600_000).withMode(CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL).forPath("/ttl-");
        require("a number", path.matches("/ttl-[0-9]{10}"));
        awaitAbsence(second.framework, "/ttl-short");
        client.delete().forPath("/ttl-long");
        client.delete().forPath(path);
    }

    private static void awaitAbsence(CuratorFramework client, String path) throws Exception {
        for (int i = 0; i < SECONDS * 20; ++i) {
            if (client.checkExists().forPath(path) == null) return;
            Thread.sleep(50);
        }
        require("the end of " + path, false);
    }

    private static void persistentWatcher(Client first, Client second) throws Exception {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (PersistentWatcher watcher = new PersistentWatcher(first.framework, "/watched-tree", true)) {
            CountDownLatch set = new CountDownLatch(1);
            watcher.getResetListenable().addListener(set::countDown);
            watcher.getListenable().addListener(event -> events.add(event.getType() + " " + event.getPath()));
            watcher.start();
            require("the watch", set.await(SECONDS, TimeUnit.SECONDS));
            second.framework.create().creatingParentsIfNeeded().forPath("/watched-tree/a/b", bytes("1"));
            for (int i = 0; i < 3; ++i) second.framework.setData().forPath("/watched-tree/a/b", bytes("2"));
            second.framework.delete().deletingChildrenIfNeeded().forPath("/watched-tree");
            for (String expected : new String[] {
                     "NodeCreated /watched-tree", "NodeCreated /watched-tree/a", "NodeCreated /watched-tree/a/b",
                     "NodeDataChanged /watched-tree/a/b", "NodeDataChanged /watched-tree/a/b", "NodeDataChanged /watched-tree/a/b",
                     "NodeDeleted /watched-tree/a/b", "NodeDeleted /watched-tree/a", "NodeDeleted /watched-tree"}) {
                String event = events.poll(SECONDS, TimeUnit.SECONDS);
                require(expected + ", and not " + event, expected.equals(event));
            }
        }
        require("nothing more", events.isEmpty());
    }

    /** The cache that Curator recommends since 5.0: it lives of one recursive watch. */
    private static void cache(Client first, Client second) throws Exception {
        second.framework.create().creatingParentsIfNeeded().forPath("/cached/a", bytes("0"));
        try (CuratorCache cache = CuratorCache.build(first.framework, "/cached")) {
            CountDownLatch filled = new CountDownLatch(1);
            cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(filled::countDown).build());
            cache.start();
            require("the cache", filled.await(SECONDS, TimeUnit.SECONDS));
            for (int i = 1; i <= ROUNDS; ++i) {
                second.framework.setData().forPath("/cached/a", bytes("" + i));
                second.framework.create().forPath("/cached/n" + i, bytes("" + i));
                if (i % 2 == 0) second.framework.delete().forPath("/cached/n" + (i - 1));
            }
            for (int i = 0; i < SECONDS * 20; ++i) {
                if (cache.size() == 2 + ROUNDS / 2 && same(cache, "/cached/a", "" + ROUNDS)) return;
                Thread.sleep(50);
            }
            require("all of the tree, not " + cache.size(), false);
        }
    }

    private static boolean same(CuratorCache cache, String path, String data) {
        return cache.get(path).map(node -> new String(node.getData(), StandardCharsets.UTF_8).equals(data)).orElse(false);
    }

    private static void removal(Client first, Client second) throws Exception {
        CuratorFramework client = first.framework;
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        CuratorWatcher watcher = event -> events.add(event.getType() + " " + event.getPath());
        client.checkExists().usingWatcher(watcher).forPath("/watched");
        client.watchers().remove(watcher).forPath("/watched");
        client.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher(watcher).forPath("/watched");
        client.watchers().remove(watcher).forPath("/watched");
        second.framework.create().forPath("/watched");
        client.sync().forPath("/watched");
        client.checkExists().forPath("/watched");
        List<String> told = new ArrayList<>(events);
        require("only what the client itself says of the removal: " + told,
                told.stream().allMatch(event -> event.contains("WatchRemoved")));
        second.framework.delete().forPath("/watched");
    }

    private static void step(String name, Step step, Client first, Client second) {
        try {
            step.run(first, second);
            System.out.println("step " + name + " ok");
        } catch (Exception | AssertionError problem) {
            ++failures;
            System.out.println("step " + name + " failed: " + problem);
        }
    }

    /** Every state beyond the first CONNECTED is a connection that was lost or come back. */
    private static void report(Client first, Client second) throws Exception {
        int changes = 0;
        for (Client client : new Client[] {first, second}) {
            synchronized (client.states) {
                changes += client.states.size() - 1;
                System.out.println("states " + client.states);
            }
        }
        System.out.println("handles " + first.framework.getZookeeperClient().getInstanceIndex() + " "
                           + second.framework.getZookeeperClient().getInstanceIndex());
        System.out.println("changes " + changes);
    }

    private static void require(String what, boolean holds) {
        if (!holds) throw new AssertionError(what);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void operations(Client first, Client second) throws Exception {
        CuratorFramework client = first.framework;
        client.create().creatingParentsIfNeeded().forPath("/plain/node", bytes("one"));
        require("data", "one".equals(new String(client.getData().forPath("/plain/node"), StandardCharsets.UTF_8)));
        Stat stat = client.setData().withVersion(0).forPath("/plain/node", bytes("two"));
        require("version", stat.getVersion() == 1);
        try {
            client.setData().withVersion(0).forPath("/plain/node", bytes("three"));
            require("a refusal", false);
        } catch (KeeperException.BadVersionException expected) {
            require("data", "two".equals(new String(client.getData().forPath("/plain/node"), StandardCharsets.UTF_8)));
        }
        String ordered = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/plain/p-");
        require("a number", ordered.matches("/plain/_c_[0-9a-f-]+-p-[0-9]{10}"));
        require("children", second.framework.getChildren().forPath("/plain").size() == 2);
        require("an ACL", client.getACL().forPath("/plain/node").size() == 1);
        client.delete().guaranteed().forPath(ordered);
        client.delete().deletingChildrenIfNeeded().forPath("/plain");
        client.sync().forPath("/");
        require("nothing left", client.checkExists().forPath("/plain") == null);
    }

    private static void background(Client first, Client second) throws Exception {
        CountDownLatch answers = new CountDownLatch(ROUNDS);
        for (int i = 0; i < ROUNDS; ++i) {
            first.framework.create().creatingParentsIfNeeded()
                .inBackground((client, event) -> {
                    if (event.getResultCode() == 0) answers.countDown();
                })
                .forPath("/background/n" + i, bytes("x"));
        }
        require("every answer", answers.await(SECONDS, TimeUnit.SECONDS));
        second.framework.sync().forPath("/background");
        require("children", second.framework.getChildren().forPath("/background").size() == ROUNDS);
        second.framework.delete().deletingChildrenIfNeeded().forPath("/background");
    }

    private static void watch(Client first, Client second) throws Exception {
        for (int i = 0; i < ROUNDS; ++i) {
            CountDownLatch seen = new CountDownLatch(1);
            require("absence", first.framework.checkExists().usingWatcher(
                (org.apache.curator.framework.api.CuratorWatcher) event -> seen.countDown()).forPath("/watched") == null);
            second.framework.create().forPath("/watched");
            require("an event", seen.await(SECONDS, TimeUnit.SECONDS));
            second.framework.delete().forPath("/watched");
        }
    }

    private static void transaction(Client first, Client second) throws Exception {
        CuratorFramework client = first.framework;
        client.transaction().forOperations(
            client.transactionOp().create().forPath("/both", bytes("a")),
            client.transactionOp().setData().forPath("/both", bytes("b")),
            client.transactionOp().check().withVersion(1).forPath("/both"));
        try {
            client.transaction().forOperations(
                client.transactionOp().delete().forPath("/both"),
                client.transactionOp().create().forPath("/no/parent"));
            require("a refusal", false);
        } catch (KeeperException.NoNodeException expected) {
            require("nothing done", client.checkExists().forPath("/both") != null);
        }
        client.delete().forPath("/both");
    }

    /** Two sessions count with a plain number that only the lock protects. */
    private static void mutex(Client first, Client second) throws Exception {
        AtomicInteger inside = new AtomicInteger();
        int[] count = {0};
        List<Throwable> problems = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (Client client : new Client[] {first, second}) {
            Thread thread = new Thread(() -> {
                InterProcessMutex lock = new InterProcessMutex(client.framework, "/mutex");
                try {
                    for (int i = 0; i < ROUNDS; ++i) {
                        require("the lock", lock.acquire(SECONDS, TimeUnit.SECONDS));
                        require("nobody else", inside.incrementAndGet() == 1);
                        ++count[0];
                        inside.decrementAndGet();
                        lock.release();
                    }
                } catch (Exception | AssertionError problem) {
                    problems.add(problem);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) thread.join();
        require(problems.toString(), problems.isEmpty());
        require("the count", count[0] == 2 * ROUNDS);
    }

    private static void children(Client first, Client second) throws Exception {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (PathChildrenCache cache = new PathChildrenCache(first.framework, "/children", true)) {
            cache.getListenable().addListener((client, event) -> {
                if (event.getData() != null) events.add(event.getType() + " " + event.getData().getPath());
            });
            cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
            for (int i = 0; i < ROUNDS; ++i) {
                String path = "/children/c" + i;
                second.framework.create().forPath(path, bytes("1"));
                require("the child", ("CHILD_ADDED " + path).equals(events.poll(SECONDS, TimeUnit.SECONDS)));
                second.framework.setData().forPath(path, bytes("2"));
                require("its data", ("CHILD_UPDATED " + path).equals(events.poll(SECONDS, TimeUnit.SECONDS)));
                second.framework.delete().forPath(path);
                require("its end", ("CHILD_REMOVED " + path).equals(events.poll(SECONDS, TimeUnit.SECONDS)));
            }
        }
    }

    private static void latch(Client first, Client second) throws Exception {
        LeaderLatch one = new LeaderLatch(first.framework, "/latch", "one");
        LeaderLatch two = new LeaderLatch(second.framework, "/latch", "two");
        one.start();
        require("a leader", one.await(SECONDS, TimeUnit.SECONDS));
        two.start();
        require("one leader", !two.hasLeadership());
        one.close();
        require("the next leader", two.await(SECONDS, TimeUnit.SECONDS));
        require("its name", "two".equals(two.getLeader().getId()));
        two.close();
    }

    private static void number(Client first, Client second) throws Exception {
        DistributedAtomicLong one = new DistributedAtomicLong(first.framework, "/number/n", new RetryOneTime(10));
        DistributedAtomicLong two = new DistributedAtomicLong(second.framework, "/number/n", new RetryOneTime(10));
        for (int i = 0; i < ROUNDS; ++i) {
            require("a step", one.increment().succeeded());
            require("a step", two.increment().succeeded());
        }
        require("the sum", one.get().postValue() == 2L * ROUNDS);
    }

    private static void persistent(Client first, Client second) throws Exception {
        try (PersistentNode node = new PersistentNode(first.framework, CreateMode.EPHEMERAL, false, "/persistent/n", bytes("x"))) {
            node.start();
            require("the node", node.waitForInitialCreate(SECONDS, TimeUnit.SECONDS));
            String path = node.getActualPath();
            CountDownLatch back = new CountDownLatch(1);
            second.framework.checkExists().forPath(path);
            second.framework.delete().forPath(path);
            for (int i = 0; i < SECONDS * 20 && back.getCount() > 0; ++i) {
                if (second.framework.checkExists().forPath(path) != null) back.countDown();
                else Thread.sleep(50);
            }
            require("the node again", back.getCount() == 0);
        }
    }
}
