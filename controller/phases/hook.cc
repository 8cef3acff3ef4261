#include "phases/hook.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <sys/wait.h>

#include "base/plain_line.h"
#include "child/child.h"

namespace zk::phases {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSliceMs = 20;                 // between two looks at the process
constexpr milliseconds kEndTime{1000};       // from SIGTERM to SIGKILL
constexpr std::size_t kLineBytesMax = 4096;  // a longer line is shown in pieces
constexpr std::size_t kLinesMax = 1000;      // what a hook prints beyond is read and dropped

/// What a hook prints, as lines.
class Output {
  public:
    Output(int fd, const std::function<void(const std::string&)>& on_line)
        : fd_(fd), on_line_(on_line) {
        ::fcntl(fd_, F_SETFL, O_NONBLOCK);
    }
    ~Output() { close(); }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    /// Takes what is there, waiting up to a slice for it.
    void take() {
        pollfd item{fd_, POLLIN, 0};
        ::poll(&item, fd_ < 0 ? 0 : 1, kSliceMs);
        take_now();
    }
    void take_now() {
        std::array<char, 4096> buffer{};
        while (fd_ >= 0) {
            const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
            if (got > 0) {
                add({buffer.data(), static_cast<std::size_t>(got)});
                return;  // the deadline is looked at between two reads, however much is printed
            }
            if (got < 0 && errno == EINTR) continue;
            if (got == 0 || errno != EAGAIN) close();
            return;
        }
    }
    /// The process has ended: what it left in the pipe. Others may hold the pipe open, and go on.
    void finish() {
        for (std::size_t pages = 0; fd_ >= 0 && pages < 16; ++pages) take_now();
        close();
        if (!line_.empty()) show();
    }

  private:
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void add(std::string_view text) {
        for (const char each : text) {
            if (each == '\n' || line_.size() == kLineBytesMax) show();
            if (each != '\n') line_ += each;
        }
    }
    void show() {
        if (++lines_ <= kLinesMax) on_line_(plain_line(line_));
        if (lines_ == kLinesMax + 1) on_line_("... (it prints more than is shown)");
        line_.clear();
    }

    int fd_;
    const std::function<void(const std::string&)>& on_line_;
    std::string line_;
    std::size_t lines_ = 0;
};

/// Whether the process has ended. It is not collected yet, so its id stays its own.
bool has_ended(pid_t pid) {
    siginfo_t info{};
    const int result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
    return result != 0 || info.si_pid == pid;
}

/// Ends all processes of the hook, gently first.
void end_all(pid_t pid, Output& output) {
    ::kill(-pid, SIGTERM);
    const auto until = Clock::now() + kEndTime;
    while (!has_ended(pid) && Clock::now() < until) output.take();
    ::kill(-pid, SIGKILL);
}

/// How it ended; nothing when somebody else collected that.
std::optional<int> collect(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return std::nullopt;
    }
    return status;
}

Error failed(const std::string& words) { return {Errc::failed, words}; }

Result<> judge(std::optional<int> status) {
    if (!status) return failed("ended, and nobody can tell how (SIGCHLD is ignored)");
    if (WIFSIGNALED(*status))
        return failed(fmt::format("was ended by signal {}", WTERMSIG(*status)));
    if (WEXITSTATUS(*status) == 0) return ok();
    return failed(fmt::format("ended with status {}", WEXITSTATUS(*status)));
}

}  // namespace

Result<> run_hook(const playbook::Hook& hook,
                  const std::map<std::string, std::string>& variables,
                  LinkDeadline deadline,
                  const std::atomic<bool>* interrupted,
                  const std::function<void(const std::string&)>& on_line) {
    std::array<int, 2> pipe{-1, -1};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
        return failed(std::string("cannot be started: ") + std::strerror(errno));
    }
    Output output(pipe[0], on_line);
    child::Child program;
    program.command = hook.command;
    program.environment = child::environment_with(variables);
    program.out = program.err = pipe[1];
    program.group = child::Group::session;
    const auto started = child::start(program);
    ::close(pipe[1]);
    if (!started.has_value()) {
        return failed("cannot be started: " + started.error().code.message());
    }
    const pid_t pid = *started;
    std::string why;
    while (!has_ended(pid)) {
        if (interrupted != nullptr && interrupted->load()) {
            why = "was ended: the run was interrupted";
        } else if (Clock::now() >= deadline) {
            why = fmt::format("did not end in time (limit_s: {}) and was ended",
                              std::chrono::ceil<std::chrono::seconds>(hook.limit).count());
        }
        if (!why.empty()) {
            end_all(pid, output);
            break;
        }
        output.take();
    }
    const auto status = collect(pid);
    output.finish();
    if (!why.empty()) return failed(why);
    return judge(status);
}

}  // namespace zk::phases
