#include "child/child.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <unistd.h>

extern char** environ;

namespace zk::child {
namespace {

class FileActions {
  public:
    explicit FileActions(const Child& child) {
        posix_spawn_file_actions_init(&actions_);
        give(child.in, STDIN_FILENO, O_RDONLY);
        give(child.out, STDOUT_FILENO, O_WRONLY);
        give(child.err, STDERR_FILENO, O_WRONLY);
        // Pipes and locks of ours would outlive their purpose in it.
        posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
        if (!child.directory.empty()) {
            posix_spawn_file_actions_addchdir_np(&actions_, child.directory.c_str());
        }
    }
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    void give(int from, int to, int flags) {
        if (from >= 0) {
            posix_spawn_file_actions_adddup2(&actions_, from, to);
        } else {
            posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", flags, 0);
        }
    }

    posix_spawn_file_actions_t actions_;
};

class Attributes {
  public:
    explicit Attributes(Group group) {
        posix_spawnattr_init(&attributes_);
        sigset_t signals;
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        for (const int each : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&signals, each);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        posix_spawnattr_setpgroup(&attributes_, 0);
        int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        if (group == Group::own) flags |= POSIX_SPAWN_SETPGROUP;
        if (group == Group::session) flags |= POSIX_SPAWN_SETSID;
        posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    }
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

  private:
    posix_spawnattr_t attributes_;
};

std::vector<std::string> our_environment() { return environment_with({}); }

/// Where the program is; its name when it is nowhere, so that starting it tells.
std::string path_of(const std::string& program, const std::vector<std::string>& environment) {
    constexpr std::string_view kPath = "PATH=";
    if (program.find('/') != std::string::npos) return program;
    std::string_view directories;
    for (const std::string_view variable : environment) {
        if (variable.starts_with(kPath)) directories = variable.substr(kPath.size());
    }
    while (!directories.empty()) {
        const std::size_t end = directories.find(':');
        std::string path = std::string(directories.substr(0, end)) + "/" + program;
        if (::access(path.c_str(), X_OK) == 0) return path;
        directories.remove_prefix(end == std::string_view::npos ? directories.size() : end + 1);
    }
    return program;
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> raw;
    raw.reserve(words.size() + 1);
    for (const std::string& word : words) raw.push_back(const_cast<char*>(word.c_str()));
    raw.push_back(nullptr);
    return raw;
}

}  // namespace

Result<pid_t> start(const Child& child) {
    const std::vector<std::string> environment = child.environment.value_or(our_environment());
    const std::string path = path_of(child.command.front(), environment);
    const FileActions actions(child);
    const Attributes attributes(child.group);
    const std::vector<char*> argv = pointers_to(child.command);
    const std::vector<char*> envp = pointers_to(environment);
    pid_t pid = -1;
    const int error = ::posix_spawn(
        &pid, path.c_str(), actions.get(), attributes.get(), argv.data(), envp.data());
    if (error != 0) {
        return Error(boost::system::error_code(error, boost::system::system_category()),
                     "start " + child.command.front());
    }
    return pid;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> all;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view entry = *each;
        const std::string name(entry.substr(0, entry.find('=')));
        if (!variables.contains(name)) all.emplace_back(entry);
    }
    for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
    return all;
}

}  // namespace zk::child
