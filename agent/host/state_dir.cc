#include "agent_host/state_dir.h"

#include <cerrno>
#include <fcntl.h>

#include <sys/file.h>
#include <sys/stat.h>

namespace zk::agent_host {
namespace {

constexpr std::string_view kSystemStateDir = "/var/lib/zkprov";
constexpr std::string_view kSystemSocketDir = "/run/zkprov";

}  // namespace

std::string StateDir::socket_dir() const {
    return path_ == kSystemStateDir ? std::string(kSystemSocketDir) : path_;
}

Result<> StateDir::prepare() const {
    std::vector<std::string> made;
    return make_directories(path_, 0700, made);
}

Result<Fd> StateDir::lock() const {
    Fd lock(::open(file("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open()) return system_error("open " + file("lock"));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_error("lock " + file("lock"));
        return Error(Errc::refused,
                     "another session is changing this node right now; try again when it is done");
    }
    return lock;
}

std::optional<agent_api::RecordedIdentity> StateDir::load_identity() const {
    const auto text = read_file(file("identity.json"));
    if (!text.has_value()) return std::nullopt;
    auto identity = agent_api::parse_recorded_identity(*text);
    if (!identity.has_value()) return std::nullopt;
    return *std::move(identity);
}
Result<> StateDir::save_identity(const agent_api::RecordedIdentity& identity) const {
    return replace_file(file("identity.json"), agent_api::to_json(identity) + "\n", FileOptions());
}

std::optional<agent_api::NodeSpec> StateDir::load_spec() const {
    const auto text = read_file(file("spec.json"));
    if (!text.has_value()) return std::nullopt;
    auto spec = agent_api::parse_node_spec(*text);
    if (!spec.has_value()) return std::nullopt;
    return *std::move(spec);
}
Result<> StateDir::save_spec(const agent_api::NodeSpec& spec) const {
    return replace_file(file("spec.json"), agent_api::to_json(spec) + "\n", FileOptions());
}
std::int64_t StateDir::spec_stamp() const {
    struct stat status {};
    if (::stat(file("spec.json").c_str(), &status) != 0) return 0;
    // Each save makes a new file; together with its time that tells any two apart.
    return static_cast<std::int64_t>(status.st_ino) * 1000003 +
           static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1000000007 +
           static_cast<std::int64_t>(status.st_mtim.tv_nsec);
}

std::vector<agent_api::ElectionEntry> StateDir::load_history() const {
    const auto text = read_file(file("history.json"));
    if (!text.has_value()) return {};
    auto history = agent_api::parse_history(*text);
    if (!history.has_value()) return {};
    return *std::move(history);
}
Result<> StateDir::save_history(const std::vector<agent_api::ElectionEntry>& history) const {
    return replace_file(file("history.json"), agent_api::to_json(history) + "\n", FileOptions());
}

Desired StateDir::load_desired() const {
    const auto text = read_file(file("desired"), 64);
    return text.has_value() && text->starts_with("run") ? Desired::run : Desired::stop;
}
Result<> StateDir::save_desired(Desired desired) const {
    return replace_file(
        file("desired"), desired == Desired::run ? "run\n" : "stop\n", FileOptions());
}

}  // namespace zk::agent_host
