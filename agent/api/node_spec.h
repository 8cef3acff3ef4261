// Everything a node should be, as one value: the controller renders it, the agent makes the node match it.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). Travels as JSON; unknown members are ignored, missing ones keep
// their defaults.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/container_spec.h"
#include "agent_api/incarnation.h"
#include "agent_api/names.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::agent_api {

/// Who keeps the server running.
enum class Manager {
    systemd,     ///< unit zookeeper.service; the agent runs as zkprov-agent.service
    supervised,  ///< the resident agent starts the server as its child; no root, no systemd
    docker,      ///< a Docker engine, in a container: `container`
};
constexpr std::array<std::string_view, 3> enum_words(Manager) {
    return {"systemd", "supervised", "docker"};
}

/// Whether this apply may let the server start from an empty database.
enum class Formation {
    join,  ///< never: an empty server has to get its data from the ensemble
    form,  ///< this apply writes the marker `initialize` (only when the data directory is empty and this node's
           ///< record does not say that this generation was formed already)
};
constexpr std::array<std::string_view, 2> enum_words(Formation) { return {"join", "form"}; }

/// What a change of a file asks for.
enum class FileKind {
    config,  ///< the server reads it when it starts: a change restarts the server (zoo.cfg, myid)
    unit,    ///< a systemd unit file: a change reloads systemd and restarts that unit
    plain,   ///< nothing
};
constexpr std::array<std::string_view, 3> enum_words(FileKind) {
    return {"config", "unit", "plain"};
}

struct DirectorySpec {
    std::string path;
    std::uint32_t mode = 0750;
    std::string owner;  ///< "user", "user:group", or empty: leave as it is

    friend bool operator==(const DirectorySpec&, const DirectorySpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("path", self.path);
        archive("mode", self.mode);
        archive("owner", self.owner);
    }
};

struct FileSpec {
    std::string path;
    std::uint32_t mode = 0640;
    std::string owner;  ///< as in DirectorySpec
    std::string content;
    FileKind kind = FileKind::config;

    friend bool operator==(const FileSpec&, const FileSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("path", self.path);
        archive("mode", self.mode);
        archive("owner", self.owner);
        archive("content", self.content);
        archive("kind", self.kind);
    }
};

/// Whose server it is.
enum class Flavor {
    zkserver,  ///< ours: one program
    apache,    ///< Apache's: a tarball of jars, run by a JRE of the host
};
constexpr std::array<std::string_view, 2> enum_words(Flavor) { return {"zkserver", "apache"}; }

/// The server: pushed as a blob, lives in install_dir/releases/<version>, and install_dir/current is a symbolic link to
/// releases/<version>. Ours is bin/zkserver there; Apache's is the tarball, unpacked, beside kReleaseRecord.
struct ReleaseSpec {
    /// A plain file name, for example "0.1.0-1f2e3d4c"; one version has one content.
    std::string version;
    std::string sha256;  ///< 64 hex digits
    std::uint64_t size = 0;
    Flavor flavor = Flavor::zkserver;
    std::uint64_t unpacked_bytes = 0;  ///< of a tarball

    friend bool operator==(const ReleaseSpec&, const ReleaseSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("version", self.version);
        archive("sha256", self.sha256);
        archive("size", self.size);
        archive("flavor", self.flavor);
        archive("unpacked_bytes", self.unpacked_bytes);
    }
};

/// In the directory of a release that was unpacked: the SHA-256 of its tarball, by which it is known.
inline constexpr std::string_view kReleaseRecord = "zkprov.release";

/// One member of the ensemble, as the others' agents reach it.
struct MemberSpec {
    ServerId sid;
    std::string host;  ///< as the inventory has it: an address or a name
    std::uint16_t client_port = 2181;
    std::string http_address;     ///< where its agent answers HTTP, or a name
    std::uint16_t http_port = 0;  ///< 0: nowhere that others reach

    friend bool operator==(const MemberSpec&, const MemberSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("sid", self.sid);
        archive("host", self.host);
        archive("client_port", self.client_port);
        archive("http_address", self.http_address);
        archive("http_port", self.http_port);
    }
};

struct NodeSpec {
    std::string cluster;
    /// Id of the formation this node belongs to; made by the controller when it forms.
    std::string generation;
    std::optional<Incarnation> incarnation;  ///< nothing: that which formed
    ServerId sid;
    std::string host;  ///< how people call the machine
    Manager manager = Manager::systemd;
    Formation formation = Formation::join;
    /// System user of the server, made when it does not exist; empty: leave all as is.
    std::string user;
    std::string group;  ///< empty: the same name as `user`

    std::string install_dir;
    std::string data_dir;  ///< zoo.cfg dataDir: myid, snapshots, epochs
    /// zoo.cfg dataLogDir: transaction logs, `initialize`; equals data_dir when not apart.
    std::string log_dir;
    std::string conf_path;  ///< of zoo.cfg, given to the server; must also be in `files`
    /// Supervised: the server's stderr goes here; empty: log_dir/zkserver.log.
    std::string console_log;
    /// systemd: where the resident agent's own program goes; empty: install_dir/bin/zkprov-agent. docker: the same; empty:
    /// nowhere, and the agent is no unit.
    std::string agent_path;
    std::string server_unit = "zookeeper.service";
    std::string agent_unit = "zkprov-agent.service";

    ReleaseSpec release;
    std::vector<DirectorySpec> directories;
    std::vector<FileSpec> files;

    std::string address;  ///< where clients and probes reach the server, for example 127.0.0.1
    std::uint16_t client_port = 2181;
    std::uint16_t peer_port = 2888;
    std::uint16_t election_port = 3888;
    /// Where the resident agent answers HTTP: an IP address. It is the agent's alone: a change restarts nothing.
    std::string http_address;
    std::uint16_t http_port = 0;  ///< 0: nowhere
    /// All of the ensemble, this one too, by id; for agents that ask each other.
    std::vector<MemberSpec> members;
    std::string members_digest;   ///< names ids, hosts, peer and election ports of all members
    std::string java;             ///< flavor apache: the program that runs the server
    std::int64_t java_least = 0;  ///< the oldest Java that does
    /// Manager docker. `data_dir` and all other paths are those of the engine's host; of `release` only the flavor says
    /// something, `server_unit` is the container's name.
    std::optional<ContainerSpec> container;

    [[nodiscard]] std::string release_dir() const;  ///< install_dir/releases/<version>
    [[nodiscard]] std::string server_path() const;  ///< install_dir/current/bin/zkserver
    /// install_dir/current/kReleaseRecord; empty: its flavor has a program instead, or it is a container.
    [[nodiscard]] std::string release_record() const;
    [[nodiscard]] std::string resident_agent_path() const;
    [[nodiscard]] std::string console_log_path() const;
    /// Whether a directory or file of this specification is left as it is while the server runs outside of its unit or
    /// container: that server, and whoever started it, may read or write it.
    [[nodiscard]] bool waits_for_unit(std::string_view path) const;
    /// Whether the resident agent is a unit of systemd; else zkprov starts it as a process of its own.
    [[nodiscard]] bool agent_is_unit() const;
    /// How the server calls this path of its host.
    [[nodiscard]] std::string server_sees(const std::string& path) const;

    friend bool operator==(const NodeSpec&, const NodeSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("generation", self.generation);
        archive("incarnation", self.incarnation);
        archive("sid", self.sid);
        archive("host", self.host);
        archive("manager", self.manager);
        archive("formation", self.formation);
        archive("user", self.user);
        archive("group", self.group);
        archive("install_dir", self.install_dir);
        archive("data_dir", self.data_dir);
        archive("log_dir", self.log_dir);
        archive("conf_path", self.conf_path);
        archive("console_log", self.console_log);
        archive("agent_path", self.agent_path);
        archive("server_unit", self.server_unit);
        archive("agent_unit", self.agent_unit);
        archive("release", self.release);
        archive("directories", self.directories);
        archive("files", self.files);
        archive("address", self.address);
        archive("client_port", self.client_port);
        archive("peer_port", self.peer_port);
        archive("election_port", self.election_port);
        archive("http_address", self.http_address);
        archive("http_port", self.http_port);
        archive("members", self.members);
        archive("members_digest", self.members_digest);
        archive("java", self.java);
        archive("java_least", self.java_least);
        archive("container", self.container);
    }
};

std::string to_json(const NodeSpec& spec);
Result<NodeSpec> parse_node_spec(std::string_view json);
/// What an agent cannot carry out: relative paths, names with "/" or "..", no conf file, ports of 0. Errc::invalid.
Result<> validate(const NodeSpec& spec);
/// Names the wanted state: equal specs have equal hashes. `formation` counts as `join`, because it says what to do
/// once and not what to be.
std::string hash_of(const NodeSpec& spec);

}  // namespace zk::agent_api
