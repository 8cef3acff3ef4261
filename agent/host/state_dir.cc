#include "agent_host/state_dir.h"

#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "agent_host/random.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

constexpr std::string_view kSystemStateDir = "/var/lib/zkprov";
constexpr std::string_view kSystemSocketDir = "/run/zkprov";
constexpr std::size_t kRefusalBytesMax = 65536;  // a page of words
constexpr std::string_view kNotMade = "-";       // no name of an account

/// Nothing for a missing file; an error with `advice` for one that cannot be read or understood.
template <class T, class Parse>
Result<std::optional<T>> load(const std::string& path, Parse&& parse, const char* advice) {
    const auto text = read_file(path);
    if (!text.has_value() && is_not_found(text.error())) return std::optional<T>();
    if (!text.has_value()) return Error(Errc::failed, text.error().message() + advice);
    auto value = parse(*text);
    if (!value.has_value()) return Error(Errc::failed, path + ": " + value.error().words + advice);
    return std::optional<T>(*std::move(value));
}

}  // namespace

std::string StateDir::socket_dir() const {
    return path_ == kSystemStateDir ? std::string(kSystemSocketDir) : path_;
}

Result<> StateDir::prepare() const {
    std::vector<std::string> made;
    ZK_CHECK(make_directories(path_, 0700, made));
    // Who may write here decides what this user runs.
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) return system_error("look at " + path_);
    if (status.st_uid == ::geteuid() && (status.st_mode & 0022) == 0) return ok();
    return Error(Errc::failed,
                 path_ + " belongs to user id " + std::to_string(status.st_uid) +
                     " or may be written by others, and the agent runs as user id " +
                     std::to_string(::geteuid()) +
                     "; run zkprov as its owner, take the right to write from others, or move it "
                     "away");
}

namespace {

/// Errc::refused, with `busy`, when somebody holds it for longer than `patience`.
Result<Fd> lock_file(const std::string& path,
                     std::chrono::milliseconds patience,
                     const char* busy) {
    Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.is_open()) return system_error("open " + path);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_error("lock " + path);
        if (std::chrono::steady_clock::now() >= deadline) return Error(Errc::refused, busy);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return lock;
}

}  // namespace

Result<Fd> StateDir::lock(std::chrono::milliseconds patience) const {
    return lock_file(file("lock"),
                     patience,
                     "another session is changing this node right now; try again when it is done");
}

Result<Fd> StateDir::lock_fence() const {
    return lock_file(file("fence.lock"),
                     std::chrono::seconds(5),
                     "other sessions write this node's fencing number all the time; try again");
}

namespace {

constexpr std::size_t kHolderBytesMax = 4096;
constexpr off_t kChangesBytesMax = 256 * 1024;

struct flock whole_file(short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

}  // namespace

Result<std::optional<Fd>> StateDir::take_run_lock(const agent_api::LockHolder& holder) const {
    const std::string path = file("run.lock");
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.is_open()) return system_error("open " + path);
    // Of the open file and not of the process, and one that can be asked about without taking it.
    struct flock lock = whole_file(F_WRLCK);
    if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
        if (errno == EAGAIN || errno == EACCES) return std::optional<Fd>();
        return system_error("lock " + path);
    }
    const std::string text = agent_api::to_json(holder) + "\n";
    // Only people read it: who is cut off here holds the lock all the same.
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        return system_error("write " + path);
    }
    return std::optional<Fd>(std::move(file));
}

Result<std::optional<agent_api::LockHolder>> StateDir::run_lock_holder() const {
    const std::string path = file("run.lock");
    const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file.is_open() && errno == ENOENT) return std::optional<agent_api::LockHolder>();
    if (!file.is_open()) return system_error("open " + path);
    struct flock lock = whole_file(F_WRLCK);
    if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0) return system_error("ask for " + path);
    if (lock.l_type == F_UNLCK) return std::optional<agent_api::LockHolder>();
    const auto text = read_file(path, kHolderBytesMax);
    auto holder = text.has_value() ? agent_api::parse_payload<agent_api::LockHolder>(*text)
                                   : Result<agent_api::LockHolder>(text.error());
    // It is being written at this moment.
    if (!holder.has_value()) return std::optional(agent_api::LockHolder());
    return std::optional(*std::move(holder));
}

Result<std::uint64_t> StateDir::load_fence() const {
    const std::string path = file("fence");
    const auto text = read_file(path, 64);
    if (!text.has_value() && is_not_found(text.error())) return 0;
    if (!text.has_value()) return text.error();
    if (text->ends_with('\n')) {
        const ByteView line = ByteView(*text).substr(0, text->size() - 1);
        if (const auto number = parse_number<std::uint64_t>(line)) return *number;
    }
    return Error(Errc::failed,
                 path +
                     " is damaged; it holds the number of the last run that changed this node: "
                     "write a higher number into it than \"fence\" of the other nodes holds");
}
Result<> StateDir::save_fence(std::uint64_t number) const {
    return replace_file(file("fence"), std::to_string(number) + "\n", FileOptions());
}

Result<> StateDir::note_change(const std::string& line) const {
    const std::string path = changes_file();
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && status.st_size > kChangesBytesMax) {
        ZK_CHECK(rename_durably(path, path + ".old"));
    }
    const Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (!file.is_open()) return system_error("open " + path);
    const std::string text = line + "\n";
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        return system_error("write " + path);
    }
    return ok();
}

Result<std::optional<agent_api::RecordedIdentity>> StateDir::load_identity() const {
    return load<agent_api::RecordedIdentity>(file("identity.json"),
                                             agent_api::parse_recorded_identity,
                                             "; it says whose host this is: restore it, or move it "
                                             "away if this host never was part of an "
                                             "ensemble");
}
Result<> StateDir::save_identity(const agent_api::RecordedIdentity& identity) const {
    return replace_file(file("identity.json"), agent_api::to_json(identity) + "\n", FileOptions());
}
Result<std::optional<agent_api::FormationRecord>> StateDir::load_formation() const {
    return load<agent_api::FormationRecord>(
        file("formation.json"),
        agent_api::parse_formation_record,
        "; it says what this host has agreed to: restore it, or install this host anew");
}
Result<> StateDir::save_formation(const agent_api::FormationRecord& record) const {
    return replace_file(file("formation.json"), agent_api::to_json(record) + "\n", FileOptions());
}

Result<agent_api::FormationRecord> StateDir::begin_formation(std::string machine) const {
    agent_api::FormationRecord fresh;
    fresh.machine = std::move(machine);
    ZK_TRY(fresh.nonce, new_nonce());
    ZK_CHECK(save_formation(fresh));
    return fresh;
}

Result<std::optional<agent_api::MemberMemory>> StateDir::load_memory() const {
    return load<agent_api::MemberMemory>(file("members.json"),
                                         agent_api::parse_member_memory,
                                         "; it says which members were made anew: restore it, or "
                                         "move it away and run zkprov apply, which tells it again");
}
Result<> StateDir::save_memory(const agent_api::MemberMemory& memory) const {
    return replace_file(file("members.json"), agent_api::to_json(memory) + "\n", FileOptions());
}

std::optional<agent_api::StartRefusal> StateDir::standing_refusal() const {
    const auto text = read_file(file("start-refused.json"), kRefusalBytesMax);
    if (!text.has_value()) return std::nullopt;
    auto refusal = agent_api::parse_start_refusal(*text);
    if (!refusal.has_value()) return std::nullopt;
    const auto identity = load_identity();
    if (!identity.has_value() || !*identity) return std::nullopt;
    if ((*identity)->incarnation != refusal->own) return std::nullopt;
    return *std::move(refusal);
}
Result<> StateDir::save_refusal(const agent_api::StartRefusal& refusal) const {
    return replace_file(
        file("start-refused.json"), agent_api::to_json(refusal) + "\n", FileOptions());
}
Result<> StateDir::drop_refusal() const {
    if (!exists(file("start-refused.json"))) return ok();
    return remove_durably(file("start-refused.json"));
}

Result<> StateDir::end_join() const {
    if (join_ended()) return ok();
    return replace_file(file("join-ended"), ByteView(), FileOptions());
}

Result<std::optional<agent_api::NodeSpec>> StateDir::load_spec() const {
    return load<agent_api::NodeSpec>(
        file("spec.json"), agent_api::parse_node_spec, "; apply the inventory again");
}
Result<> StateDir::save_spec(const agent_api::NodeSpec& spec) const {
    return replace_file(file("spec.json"), agent_api::to_json(spec) + "\n", FileOptions());
}
Result<std::optional<agent_api::NodeSpec>> StateDir::load_before() const {
    return load<agent_api::NodeSpec>(file("spec-before.json"),
                                     agent_api::parse_node_spec,
                                     "; it is the way back to the other flavor's server: move it "
                                     "away where you do not need that");
}
Result<> StateDir::save_before(const agent_api::NodeSpec& spec) const {
    return replace_file(file("spec-before.json"), agent_api::to_json(spec) + "\n", FileOptions());
}
std::int64_t StateDir::spec_stamp() const {
    struct stat status {};
    if (::stat(file("spec.json").c_str(), &status) != 0) return 0;
    // Each save makes a new file; together with its time that tells any two apart.
    const auto sum = static_cast<std::uint64_t>(status.st_ino) * 1000003U +
                     static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1000000007U +
                     static_cast<std::uint64_t>(status.st_mtim.tv_nsec);
    return static_cast<std::int64_t>(sum);
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

std::optional<MadeAccount> StateDir::made_account() const {
    const auto text = read_file(file("account"), 4096);
    if (!text.has_value()) return std::nullopt;
    MadeAccount made;
    std::istringstream words(*text);
    if (!(words >> made.user >> made.uid >> made.group)) return std::nullopt;
    for (std::string* const name : {&made.user, &made.group}) {
        if (*name == kNotMade) name->clear();
    }
    return made;
}
Result<> StateDir::save_made_account(const MadeAccount& made) const {
    const auto word = [](const std::string& name) {
        return name.empty() ? std::string(kNotMade) : name;
    };
    const std::string text =
        word(made.user) + " " + std::to_string(made.uid) + " " + word(made.group) + "\n";
    return replace_file(file("account"), text, FileOptions());
}
void StateDir::forget_made_account() const { ::unlink(file("account").c_str()); }

Desired StateDir::load_desired() const {
    const auto text = read_file(file("desired"), 64);
    return text.has_value() && text->starts_with("run") ? Desired::run : Desired::stop;
}
Result<> StateDir::save_desired(Desired desired) const {
    return replace_file(
        file("desired"), desired == Desired::run ? "run\n" : "stop\n", FileOptions());
}

}  // namespace zk::agent_host
