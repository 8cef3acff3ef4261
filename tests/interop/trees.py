"""Reading whole trees through a stock client, to compare servers."""
from kazoo.client import KazooClient


class Connected:
    """A kazoo client of one server, or of several, in a `with`. Its session closes at the end."""

    def __init__(self, hosts, **settings):
        settings.setdefault("timeout", 10.0)
        self.client = KazooClient(hosts=hosts, **settings)

    def __enter__(self):
        self.client.start(40)
        return self.client

    def __exit__(self, *unused):
        self.client.stop()
        self.client.close()


def whole_tree(client, path="/"):
    """path -> (data, stat, acl) of every node below and at `path`, without /zookeeper/config, which is a server's own."""
    nodes = {}
    todo = [path]
    while todo:
        level = [path for path in todo if path != "/zookeeper/config"]
        asked = [(path, client.get_async(path), client.get_acls_async(path), client.get_children_async(path))
                 for path in level]
        todo = []
        for path, node, acls, children in asked:
            data, stat = node.get(30)
            nodes[path] = (data, stat, sorted(acls.get(30)[0]))
            todo += [path.rstrip("/") + "/" + name for name in children.get(30)]
    return nodes


def tree_of(server):
    with Connected(server.address) as client:
        client.sync("/")
        return whole_tree(client)


def differences(one, other):
    return ["%s: %s / %s" % (path, one.get(path), other.get(path))
            for path in sorted(one.keys() | other.keys()) if one.get(path) != other.get(path)]
