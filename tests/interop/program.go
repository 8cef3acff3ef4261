// What programs do through the Go client of Debian (github.com/samuel/go-zookeeper), one line for each step that went as it must.
// Run by go_client_test.py: program HOST:PORT[,HOST:PORT...]. Where it says "cut" and waits for a line on its input, the test ends
// the leader.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

const patience = 60 * time.Second

func require(what string, holds bool) {
	if !holds {
		fmt.Println("NOT: " + what)
		os.Exit(1)
	}
}

func must(what string, err error) {
	require(fmt.Sprintf("%s: %v", what, err), err == nil)
}

type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}

func connect(servers []string) (*zk.Conn, <-chan zk.Event) {
	conn, events, err := zk.Connect(servers, 20*time.Second, zk.WithLogger(quiet{}))
	must("connect", err)
	await(events, zk.StateHasSession)
	return conn, events
}

// The session is in this state, soon.
func await(events <-chan zk.Event, state zk.State) {
	end := time.After(patience)
	for {
		select {
		case event := <-events:
			if event.State == state {
				return
			}
		case <-end:
			require("state "+state.String(), false)
		}
	}
}

// The next event of a watch.
func next(what string, events <-chan zk.Event, kind zk.EventType, path string) {
	select {
	case event := <-events:
		require(fmt.Sprintf("%s: %v of %s, and not %v", what, kind, path, event), event.Type == kind && event.Path == path)
	case <-time.After(patience):
		require(what+" in time", false)
	}
}

// Again while the connection is away.
func persistently(what string, do func() error) {
	end := time.Now().Add(patience)
	for {
		err := do()
		if err == nil {
			return
		}
		require(fmt.Sprintf("%s: %v", what, err),
			(err == zk.ErrConnectionClosed || err == zk.ErrNoServer) && time.Now().Before(end))
		time.Sleep(50 * time.Millisecond)
	}
}

func nodes(conn *zk.Conn) {
	acl := zk.WorldACL(zk.PermAll)
	path, err := conn.Create("/go", []byte("one"), 0, acl)
	must("create", err)
	require("its path", path == "/go")
	_, err = conn.Create("/go", nil, 0, acl)
	require("create twice", err == zk.ErrNodeExists)
	data, stat, err := conn.Get("/go")
	must("get", err)
	require("the data", string(data) == "one" && stat.Version == 0 && stat.DataLength == 3)
	stat, err = conn.Set("/go", []byte("two"), 0)
	must("set", err)
	require("the version", stat.Version == 1)
	_, err = conn.Set("/go", []byte("three"), 0)
	require("set of an old version", err == zk.ErrBadVersion)
	for i := 0; i < 3; i++ {
		path, err = conn.Create("/go/s-", nil, zk.FlagSequence, acl)
		must("create in sequence", err)
		require("its number: "+path, path == fmt.Sprintf("/go/s-%010d", i))
	}
	names, stat, err := conn.Children("/go")
	must("children", err)
	sort.Strings(names)
	require("their names", strings.Join(names, " ") == "s-0000000000 s-0000000001 s-0000000002" && stat.NumChildren == 3)
	require("delete with children", conn.Delete("/go", -1) == zk.ErrNotEmpty)
	must("delete", conn.Delete("/go/s-0000000001", 0))
	there, _, err := conn.Exists("/go/s-0000000001")
	require("it is gone", err == nil && !there)
	fmt.Println("nodes")
}

func transactions(conn *zk.Conn) {
	acl := zk.WorldACL(zk.PermAll)
	answers, err := conn.Multi(&zk.CreateRequest{Path: "/go/multi", Data: []byte("m"), Acl: acl},
		&zk.SetDataRequest{Path: "/go/multi", Data: []byte("n"), Version: 0},
		&zk.CheckVersionRequest{Path: "/go/multi", Version: 1})
	must("multi", err)
	require("its answers", len(answers) == 3 && answers[0].String == "/go/multi" && answers[1].Stat.Version == 1)
	_, err = conn.Multi(&zk.DeleteRequest{Path: "/go/multi", Version: 1}, &zk.CheckVersionRequest{Path: "/go", Version: 99})
	require(fmt.Sprintf("a multi that fails: %v", err), err == zk.ErrBadVersion)
	data, _, err := conn.Get("/go/multi")
	require("nothing of it is done", err == nil && string(data) == "n")
	fmt.Println("transactions")
}

func permissions(conn *zk.Conn, servers []string) {
	must("add auth", conn.AddAuth("digest", []byte("user:secret")))
	_, err := conn.Create("/go/closed", []byte("c"), 0, zk.DigestACL(zk.PermAll, "user", "secret"))
	must("create with an ACL", err)
	_, _, err = conn.Get("/go/closed")
	must("get of one's own", err)
	other, _ := connect(servers)
	defer other.Close()
	_, _, err = other.Get("/go/closed")
	require("get without permission", err == zk.ErrNoAuth)
	fmt.Println("permissions")
}

func watches(conn *zk.Conn, servers []string) {
	other, _ := connect(servers)
	// This client tells a watch of children of new data, too: they are of two nodes.
	_, err := conn.Create("/go/folder", nil, 0, zk.WorldACL(zk.PermAll))
	must("a node with children", err)
	_, _, data, err := conn.GetW("/go")
	must("watch data", err)
	_, _, children, err := conn.ChildrenW("/go/folder")
	must("watch children", err)
	_, _, created, err := conn.ExistsW("/go/folder/later")
	must("watch what is not there", err)
	_, err = other.Set("/go", []byte("w"), -1)
	must("set by another", err)
	next("of the data", data, zk.EventNodeDataChanged, "/go")
	_, err = other.Create("/go/folder/later", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
	must("an ephemeral of another", err)
	next("of the new node", created, zk.EventNodeCreated, "/go/folder/later")
	next("of the children", children, zk.EventNodeChildrenChanged, "/go/folder")
	_, _, gone, err := conn.ExistsW("/go/folder/later")
	must("watch it", err)
	other.Close()
	next("of the session's end", gone, zk.EventNodeDeleted, "/go/folder/later")
	fmt.Println("watches")
}

func reconnect(conn *zk.Conn, events <-chan zk.Event, servers []string) {
	_, err := conn.Create("/go/mine", nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
	must("an ephemeral", err)
	_, _, changed, err := conn.GetW("/go")
	must("watch over the cut", err)
	session := conn.SessionID()
	fmt.Println("cut")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	must("the test's word", err)
	persistently("set after the cut", func() error {
		_, err := conn.Set("/go", []byte("after"), -1)
		return err
	})
	next("over the cut", changed, zk.EventNodeDataChanged, "/go")
	require("the same session", conn.SessionID() == session)
	there, stat, err := conn.Exists("/go/mine")
	require("its ephemeral", err == nil && there && stat.EphemeralOwner == session)
	fmt.Println("reconnect")
}

func main() {
	servers := strings.Split(os.Args[1], ",")
	conn, events := connect(servers)
	nodes(conn)
	transactions(conn)
	permissions(conn, servers)
	watches(conn, servers)
	reconnect(conn, events, servers)
	conn.Close()
	fmt.Println("done")
}
