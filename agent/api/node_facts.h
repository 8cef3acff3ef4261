// What an agent says of its host before anything is changed, so that pure planners can decide.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). Travels as JSON.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/incarnation.h"
#include "agent_api/names.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace zk::agent_api {

/// What to look at. Small: contents of files do not travel for facts.
struct FactsRequest {
    std::string install_dir;
    std::string data_dir;
    std::string log_dir;
    std::string user;
    std::string group;
    std::string server_path;
    std::string agent_path;
    std::vector<std::string> directories;
    std::vector<std::string> files;
    std::vector<std::string> units;
    std::string address;
    /// A listener on any address is in the way, not only one on `address`.
    bool any_address = false;
    std::vector<std::uint16_t> ports;
    std::string release_record;  ///< flavor apache: where the release in place is known by
    std::string java;            ///< flavor apache: the program to ask for its version
    std::string release_dir;     ///< of the specification: whether that release lies there already
    bool specs = false;          ///< also the specifications that were applied
    bool survey = false;         ///< also what the data hold, which reads all of them
    std::optional<ContainerSpec> container;  ///< manager docker
    bool agent_is_unit = false;              ///< manager docker: units[1] is systemd's

    /// Where the server answers clients at `address`; nothing: it is not known. A container in a bridge has its own address,
    /// and the ports there are not those that its host publishes, which `ports` are then.
    [[nodiscard]] std::optional<std::uint16_t> client_port() const;

    static void fields(auto& archive, auto& self) {
        archive("install_dir", self.install_dir);
        archive("data_dir", self.data_dir);
        archive("log_dir", self.log_dir);
        archive("user", self.user);
        archive("group", self.group);
        archive("server_path", self.server_path);
        archive("agent_path", self.agent_path);
        archive("directories", self.directories);
        archive("files", self.files);
        archive("units", self.units);
        archive("address", self.address);
        archive("any_address", self.any_address);
        archive("ports", self.ports);
        archive("release_record", self.release_record);
        archive("java", self.java);
        archive("release_dir", self.release_dir);
        archive("specs", self.specs);
        archive("survey", self.survey);
        archive("container", self.container);
        archive("agent_is_unit", self.agent_is_unit);
    }
};
/// All that a plan for `spec` needs to know.
FactsRequest facts_for(const NodeSpec& spec);
std::string to_json(const FactsRequest& request);
Result<FactsRequest> parse_facts_request(std::string_view json);

/// Who this node is by the agent's own record, which lies outside the data directory and survives its loss.
struct RecordedIdentity {
    std::string cluster;
    ServerId sid;
    std::string generation;
    bool formed = false;    ///< this node once had data of this generation
    std::string data_dir;   ///< what the record is about
    std::string spec_hash;  ///< of the spec that was applied last, to its end
    WallMs recorded_at;
    std::optional<Incarnation> incarnation;
    bool stored = false;  ///< this incarnation once had data

    friend bool operator==(const RecordedIdentity&, const RecordedIdentity&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("generation", self.generation);
        archive("formed", self.formed);
        archive("data_dir", self.data_dir);
        archive("spec_hash", self.spec_hash);
        archive("recorded_at", self.recorded_at);
        archive("incarnation", self.incarnation);
        archive("stored", self.stored);
    }
};

/// Whose the data are, as the file kDataOwnerFile beside myid says: docs/PROVISIONING.md 2.1.
struct DataOwner {
    std::string cluster;
    ServerId sid;
    std::string generation;
    std::optional<Incarnation> incarnation{};

    friend bool operator==(const DataOwner&, const DataOwner&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("generation", self.generation);
        archive("incarnation", self.incarnation);
    }
};
inline constexpr std::string_view kDataOwnerFile = "zkprov.node";
std::string to_json(const DataOwner& owner);
/// Errors: not JSON, a cluster or generation that is missing.
Result<DataOwner> parse_data_owner(std::string_view json);

enum class DataState {
    missing,  ///< no directory
    empty,    ///< no snapshot, no log, no epoch beyond 0 (a myid alone is still empty)
    data,     ///< the server has stored something
};
constexpr std::array<std::string_view, 3> enum_words(DataState) {
    return {"missing", "empty", "data"};
}

struct DataFact {
    DataState state = DataState::missing;
    std::optional<ServerId> myid;
    std::optional<Epoch> accepted_epoch;
    std::optional<Epoch> current_epoch;
    bool initialize = false;    ///< the marker is there
    bool transactions = false;  ///< a log, or a snapshot of more than the empty database
    std::optional<DataOwner> owner;
    bool owner_damaged = false;    ///< there is such a file, and it cannot be read
    std::string unreadable;        ///< a directory that cannot be read, and why: it may hold data
    std::uint64_t copy_bytes = 0;  ///< that a copy of the data takes up on the disk anew
    std::uint64_t link_bytes = 0;  ///< ... and that it shares with the data, by hard links

    friend bool operator==(const DataFact&, const DataFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("state", self.state);
        archive("myid", self.myid);
        archive("accepted_epoch", self.accepted_epoch);
        archive("current_epoch", self.current_epoch);
        archive("initialize", self.initialize);
        archive("transactions", self.transactions);
        archive("owner", self.owner);
        archive("owner_damaged", self.owner_damaged);
        archive("unreadable", self.unreadable);
        archive("copy_bytes", self.copy_bytes);
        archive("link_bytes", self.link_bytes);
    }
};

/// What the tree of a server holds, as its files say, and which configuration of its members it runs with.
struct DataSurvey {
    std::string words;  ///< why the files could not be read; all else is 0 then
    std::uint64_t znodes = 0;
    std::uint64_t ttl_nodes = 0;
    std::uint64_t containers = 0;
    std::string largest;  ///< path of the znode with the most data
    std::uint64_t largest_bytes = 0;
    std::string config_version;  ///< in hex, as the server says it; empty: it does not

    friend bool operator==(const DataSurvey&, const DataSurvey&) = default;
    static void fields(auto& archive, auto& self) {
        archive("words", self.words);
        archive("znodes", self.znodes);
        archive("ttl_nodes", self.ttl_nodes);
        archive("containers", self.containers);
        archive("largest", self.largest);
        archive("largest_bytes", self.largest_bytes);
        archive("config_version", self.config_version);
    }
};

/// A file or directory of the request; absent ones are not listed.
struct PathFact {
    std::string path;
    std::string sha256;  ///< of files; empty for directories
    std::uint32_t mode = 0;
    std::string owner;  ///< "user:group" by name
    bool directory = false;
    std::string owner_ids{};  ///< "1000:1000", the same by number

    friend bool operator==(const PathFact&, const PathFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("path", self.path);
        archive("sha256", self.sha256);
        archive("mode", self.mode);
        archive("owner", self.owner);
        archive("directory", self.directory);
        archive("owner_ids", self.owner_ids);
    }
};

/// A port of the request on which somebody listens; free ones are not listed.
struct PortFact {
    std::uint16_t port = 0;
    std::string owner;  ///< program and pid, for example "java (4711)"; empty: not known
    bool ours = false;  ///< held by the server this agent manages

    friend bool operator==(const PortFact&, const PortFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("port", self.port);
        archive("owner", self.owner);
        archive("ours", self.ours);
    }
};

/// A unit of the request, or, where the manager is `supervised`, the supervised program of that name; of `docker` the
/// container, in systemd's words.
struct UnitFact {
    std::string name;
    /// systemd's ActiveState: active, activating, failed, inactive; "missing": no such unit.
    std::string state;
    bool enabled = false;
    std::int64_t pid = 0;  ///< 0: none
    /// Since this process runs, in ms of the wall clock; 0 unknown.
    WallMs started_at;

    friend bool operator==(const UnitFact&, const UnitFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("name", self.name);
        archive("state", self.state);
        archive("enabled", self.enabled);
        archive("pid", self.pid);
        archive("started_at", self.started_at);
    }
};

/// A container that somebody else made.
struct OutsideContainer {
    std::string id;
    std::string name;
    std::string restart;            ///< the engine's policy
    std::int64_t restarts_max = 0;  ///< of on-failure; 0: no end
    std::vector<std::uint16_t> host_ports;

    friend bool operator==(const OutsideContainer&, const OutsideContainer&) = default;
    static void fields(auto& archive, auto& self) {
        archive("id", self.id);
        archive("name", self.name);
        archive("restart", self.restart);
        archive("restarts_max", self.restarts_max);
        archive("host_ports", self.host_ports);
    }
};

/// A ZooKeeper server that runs from this node's directories and is not the process of its unit, or of its container:
/// somebody else started it (decisions/0015).
struct OutsideServer {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;
    std::string program;  ///< "java"
    std::string flavor;   ///< apache or zkserver
    std::string user;
    std::string unit;         ///< of systemd, that holds it; empty: none
    std::int64_t parent = 0;  ///< of its process; 1: nobody waits for its end
    std::string parent_name;
    bool container = false;
    std::optional<OutsideContainer> held_by;  ///< of a node whose server runs in a container
    std::string conf_path;
    std::vector<std::string> members;  ///< "1=host:2888:3888", by id; none: it runs alone

    friend bool operator==(const OutsideServer&, const OutsideServer&) = default;
    static void fields(auto& archive, auto& self) {
        archive("pid", self.pid);
        archive("start_ticks", self.start_ticks);
        archive("program", self.program);
        archive("flavor", self.flavor);
        archive("user", self.user);
        archive("unit", self.unit);
        archive("parent", self.parent);
        archive("parent_name", self.parent_name);
        archive("container", self.container);
        archive("held_by", self.held_by);
        archive("conf_path", self.conf_path);
        archive("members", self.members);
    }
};
/// "java (4711) of the unit zk.service", "the container zk1".
std::string words_of(const OutsideServer& server);

struct SpaceFact {
    std::string path;  ///< asked for; measured at its nearest existing parent
    std::uint64_t free_bytes = 0;
    std::uint64_t total_bytes = 0;
    bool read_only = false;

    friend bool operator==(const SpaceFact&, const SpaceFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("path", self.path);
        archive("free_bytes", self.free_bytes);
        archive("total_bytes", self.total_bytes);
        archive("read_only", self.read_only);
    }
};

struct NodeFacts {
    std::string hostname;
    std::string arch;  ///< uname -m
    std::string os;    ///< PRETTY_NAME of os-release
    std::uint32_t uid = 0;
    bool systemd = false;  ///< systemd runs this host
    bool sudo_ok = false;  ///< root, or `sudo -n` works
    bool user_exists = false;
    bool group_exists = false;
    std::string agent_version;
    std::string agent_sha256;            ///< of the agent that says this
    std::string installed_agent_sha256;  ///< of the file at agent_path; empty: none
    /// A resident agent answers on this state directory's socket.
    bool resident_agent = false;
    std::string resident_agent_sha256;  ///< of its program
    std::string release_sha256;         ///< of the program behind server_path; empty: none
    std::string release_target;         ///< what install_dir/current points to; empty: none
    /// Of the program the running server was started from; empty: unknown or none.
    std::string running_sha256;
    std::optional<RecordedIdentity> identity;
    std::optional<MemberMemory> memory;  ///< of the other members
    DataFact data;
    std::vector<SpaceFact> space;  ///< install_dir, data_dir, log_dir, state dir
    std::vector<PathFact> paths;
    std::vector<PortFact> ports;
    std::vector<UnitFact> units;
    std::vector<std::string> own_addresses;  ///< of this host's interfaces
    /// What the running server says of itself (NodeHealth's words); empty: it does not answer.
    std::string server_role;
    bool interrupted = false;  ///< an earlier apply began and did not end; the next one goes on
    /// Restarts and reloads that an interrupted apply still owes.
    std::vector<std::string> pending;
    WallMs wall_ms;
    /// Whose server is in install_dir/current; empty: none, or not known.
    std::string release_flavor;
    std::int64_t java_version =
        0;  ///< 8, 11, 17, ...; 0: there is none that runs, or it was not asked for
    std::string java_words;  ///< what it said of itself, or why it does not run
    /// By which the release in the request's release_dir is known (as release_sha256); empty: there is none.
    std::string kept_sha256;
    std::optional<NodeSpec> applied;  ///< what was asked for last
    std::optional<NodeSpec> before;   ///< what was asked for last of the other flavor
    std::optional<DataSurvey> survey;
    std::optional<OutsideServer> outside;
    /// Files in the data and log directories that belong to another user than the server's; the first one, empty: none.
    std::string others_file;
    std::optional<ContainerFacts> container;  ///< manager docker

    [[nodiscard]] const PathFact* path(std::string_view name) const;
    [[nodiscard]] const UnitFact* unit(std::string_view name) const;
    [[nodiscard]] const SpaceFact* space_at(std::string_view name) const;

    friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
    static void fields(auto& archive, auto& self) {
        archive("hostname", self.hostname);
        archive("arch", self.arch);
        archive("os", self.os);
        archive("uid", self.uid);
        archive("systemd", self.systemd);
        archive("sudo_ok", self.sudo_ok);
        archive("user_exists", self.user_exists);
        archive("group_exists", self.group_exists);
        archive("agent_version", self.agent_version);
        archive("agent_sha256", self.agent_sha256);
        archive("installed_agent_sha256", self.installed_agent_sha256);
        archive("resident_agent", self.resident_agent);
        archive("resident_agent_sha256", self.resident_agent_sha256);
        archive("release_sha256", self.release_sha256);
        archive("release_target", self.release_target);
        archive("running_sha256", self.running_sha256);
        archive("identity", self.identity);
        archive("memory", self.memory);
        archive("data", self.data);
        archive("space", self.space);
        archive("paths", self.paths);
        archive("ports", self.ports);
        archive("units", self.units);
        archive("own_addresses", self.own_addresses);
        archive("server_role", self.server_role);
        archive("interrupted", self.interrupted);
        archive("pending", self.pending);
        archive("wall_ms", self.wall_ms);
        archive("release_flavor", self.release_flavor);
        archive("java_version", self.java_version);
        archive("java_words", self.java_words);
        archive("kept_sha256", self.kept_sha256);
        archive("applied", self.applied);
        archive("before", self.before);
        archive("survey", self.survey);
        archive("outside", self.outside);
        archive("others_file", self.others_file);
        archive("container", self.container);
    }
};
std::string to_json(const NodeFacts& facts);
Result<NodeFacts> parse_node_facts(std::string_view json);

/// The recorded identity as it lies in the state directory.
std::string to_json(const RecordedIdentity& identity);
Result<RecordedIdentity> parse_recorded_identity(std::string_view json);

}  // namespace zk::agent_api
