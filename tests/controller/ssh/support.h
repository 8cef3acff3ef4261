// What the tests of zk::ssh share: a temporary directory, child processes stopped by pid, a real
// sshd on loopback.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char** environ;

namespace zk::ssh::test {

class TempDir {
  public:
    TempDir() {
        char pattern[] = "/tmp/zkprov-ssh-XXXXXX";
        path_ = ::mkdtemp(pattern);
        ::chmod(path_.c_str(), 0755);
    }
    ~TempDir() {
        if (std::system(("rm -rf " + path_).c_str()) != 0)
            ADD_FAILURE() << "cannot remove " << path_;
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline bool shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}
inline std::string read_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}
inline void write_text(const std::string& path, const std::string& text, mode_t mode = 0644) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
}
inline std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
    return count;
}
template <class Condition>
bool eventually(Condition condition) {
    for (int i = 0; i < 6000; ++i) {  // a minute: a busy machine takes its time
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

/// A program that runs until the test ends; its output goes to `log`.
class Child {
  public:
    Child() = default;
    Child(std::vector<std::string> argv, const std::string& log) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(
            &actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
        std::vector<char*> raw;
        for (std::string& argument : argv) raw.push_back(argument.data());
        raw.push_back(nullptr);
        if (posix_spawn(&pid_, raw[0], &actions, nullptr, raw.data(), environ) != 0) pid_ = -1;
        posix_spawn_file_actions_destroy(&actions);
    }
    ~Child() { stop(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    Child& operator=(Child&& other) noexcept {
        stop();
        pid_ = std::exchange(other.pid_, -1);
        return *this;
    }
    pid_t pid() const { return pid_; }
    void stop() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_ = -1;
};

inline std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
}
inline bool can_connect(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const bool connected =
        ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

/// `ssh-keygen -t <type> <more>` into `path`.
inline bool make_key(const std::string& path,
                     const std::string& type,
                     const std::string& more = "-N ''") {
    return shell("ssh-keygen -q -C test-key -t " + type + " -f " + path + " " + more);
}

/// sshd with a configuration of its own on 127.0.0.1 and a free port. Needs root to let others log
/// in.
class Sshd {
  public:
    /// `before`: the words of a command that starts the command behind it, here sshd.
    explicit Sshd(const TempDir& directory,
                  const std::string& more_config = {},
                  std::vector<std::string> before = {})
        : dir_(directory), argv_(std::move(before)) {
        argv_.insert(argv_.end(), {"/usr/sbin/sshd", "-D", "-e", "-f", dir_ / "sshd_config"});
        make_key(dir_ / "host_ed25519", "ed25519");
        make_key(dir_ / "host_ecdsa", "ecdsa");
        write_text(dir_ / "authorized_keys", "", 0644);
        ::mkdir("/run/sshd", 0755);
        config_ =
            more_config +  // first: of a keyword's values sshd takes the first
            "ListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
            "LogLevel VERBOSE\nAuthorizedKeysFile " +
            (dir_ / "authorized_keys") + "\n";
        start("ed25519");
    }
    /// (Re)starts with these host keys, for example "ed25519 rsa".
    void start(const std::string& host_keys) {
        std::string key_lines;
        std::istringstream words(host_keys);
        for (std::string name; words >> name;) {
            key_lines += "HostKey " + (dir_ / "host_") + name + "\n";
        }
        child_.stop();
        for (int attempt = 0; attempt < 5; ++attempt) {
            if (port_ == 0 || attempt > 0) port_ = free_port();
            write_text(dir_ / "sshd_config",
                       config_ + "Port " + std::to_string(port_) + "\n" + key_lines);
            child_ = Child(argv_, log_path());
            // Our own probe is out of the log before a test looks at it.
            clear_log();
            if (eventually([&] { return can_connect(port_); }) &&
                eventually([&] { return count_of(log(), "127.0.0.1 port") >= 2; })) {
                return;
            }
        }
        FAIL() << "sshd does not start: " << log();
    }
    /// Lines for the configuration, from the next start on.
    void configure(const std::string& lines) { config_ += lines; }
    void stop() { child_.stop(); }
    pid_t pid() const { return child_.pid(); }
    void authorize(const std::string& key) const {
        std::ofstream(dir_ / "authorized_keys", std::ios::app) << read_text(key + ".pub");
    }
    std::uint16_t port() const { return port_; }
    std::string log() const { return read_text(log_path()); }
    void clear_log() const { write_text(log_path(), ""); }
    std::string log_path() const { return dir_ / "sshd.log"; }

  private:
    const TempDir& dir_;
    std::vector<std::string> argv_;
    std::string config_;
    std::uint16_t port_ = 0;
    Child child_;
};

inline bool sshd_available() { return ::getuid() == 0 && ::access("/usr/sbin/sshd", X_OK) == 0; }
#define ZK_NEEDS_SSHD() \
    if (!zk::ssh::test::sshd_available()) GTEST_SKIP() << "SKIPPED: needs root and /usr/sbin/sshd"

}  // namespace zk::ssh::test
