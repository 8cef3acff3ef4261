#include "ssh/local_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <thread>
#include <unistd.h>

#include <sys/wait.h>
#include <system_error>

#include "child/child.h"

namespace zk::ssh {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::chrono::milliseconds kExitTime{2000};  // from the end of its output to its own

void close_fd(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

struct Pipes {
    std::array<std::array<int, 2>, 3> ends = {{{-1, -1}, {-1, -1}, {-1, -1}}};
    ~Pipes() {
        for (auto& pipe : ends) {
            for (int& fd : pipe) close_fd(fd);
        }
    }
};

}  // namespace

int poll_wait_ms(LinkDeadline deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 24L * 3600 * 1000));
}

void ignore_sigpipe() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction current {};
        sigaction(SIGPIPE, nullptr, &current);
        if (current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    });
}

Result<std::unique_ptr<LocalProcess>> LocalProcess::start(const std::string& name,
                                                          const std::vector<std::string>& argv,
                                                          Terminal terminal) {
    ignore_sigpipe();
    Pipes pipes;
    for (auto& ends : pipes.ends) {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return link_error(
                LinkErrc::agent_failed,
                name + ": no pipe could be made: " + std::generic_category().message(errno));
        }
    }
    child::Child program;
    program.command = argv;
    program.in = pipes.ends[0][0];
    program.out = pipes.ends[1][1];
    program.err = pipes.ends[2][1];
    // Ctrl-C at the terminal is for the controller, which then closes the link.
    program.group = terminal == Terminal::none ? child::Group::session : child::Group::own;
    const auto pid = child::start(program);
    if (!pid.has_value()) {
        return link_error(
            LinkErrc::agent_missing,
            name + ": " + argv[0] + " cannot be started: " + pid.error().code.message());
    }
    for (const int fd : {pipes.ends[0][1], pipes.ends[1][0], pipes.ends[2][0]}) {
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    auto process = std::unique_ptr<LocalProcess>(
        new LocalProcess(name, *pid, pipes.ends[0][1], pipes.ends[1][0], pipes.ends[2][0]));
    pipes.ends[0][1] = pipes.ends[1][0] = pipes.ends[2][0] = -1;
    process->counters_.connections = 1;
    process->counters_.channels = 1;
    return process;
}

LocalProcess::~LocalProcess() { LocalProcess::close(); }

Error LocalProcess::ended() const {
    return link_error(LinkErrc::closed, name_ + ": the agent ended the link");
}

LocalProcess::Got LocalProcess::take(Bytes& inbox) {
    const std::size_t before = inbox.size();
    inbox.resize(before + kReadBytes);
    const ssize_t got = out_ < 0 ? 0 : ::read(out_, inbox.data() + before, kReadBytes);
    const int error = errno;
    inbox.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got > 0) {
        counters_.bytes_received += static_cast<std::uint64_t>(got);
        return Got::bytes;
    }
    return got < 0 && (error == EAGAIN || error == EINTR) ? Got::nothing : Got::end;
}

void LocalProcess::take_stderr() {
    std::array<char, 1024> buffer{};
    while (err_ >= 0) {
        const ssize_t got = ::read(err_, buffer.data(), buffer.size());
        if (got > 0) {
            last_words_.append(buffer.data(), static_cast<std::size_t>(got));
            trim_last_words(last_words_);
        } else if (got < 0 && errno == EINTR) {
            continue;
        } else {
            if (got == 0) close_fd(err_);
            return;
        }
    }
}

Result<> LocalProcess::write(ByteView data, Bytes& inbox, LinkDeadline deadline) {
    while (!data.empty()) {
        if (in_ < 0) return ended();
        const ssize_t put = ::write(in_, data.data(), data.size());
        if (put > 0) {
            counters_.bytes_sent += static_cast<std::uint64_t>(put);
            data.remove_prefix(static_cast<std::size_t>(put));
            continue;
        }
        if (put < 0 && errno == EPIPE) return ended();
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return link_error(LinkErrc::closed,
                              name_ + ": write: " + std::generic_category().message(errno));
        }
        const int wait = poll_wait_ms(deadline);
        if (wait == 0) {
            return link_error(LinkErrc::timeout,
                              name_ + ": the agent does not read what it is sent");
        }
        std::array<pollfd, 3> items = {{{in_, POLLOUT, 0}, {out_, POLLIN, 0}, {err_, POLLIN, 0}}};
        ::poll(items.data(), items.size(), wait);
        if (items[1].revents != 0 && inbox.size() < kInboxBytesMax && take(inbox) == Got::end) {
            return ended();
        }
        take_stderr();
    }
    return ok();
}

Result<> LocalProcess::read(Bytes& inbox, LinkDeadline deadline) {
    while (true) {
        take_stderr();
        const Got got = take(inbox);
        if (got == Got::bytes) return ok();
        if (got == Got::end) {
            reap(kExitTime);
            take_stderr();
            return ended();
        }
        const int wait = poll_wait_ms(deadline);
        if (wait == 0) return link_error(LinkErrc::timeout, name_ + ": no answer from the agent");
        std::array<pollfd, 2> items = {{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
        ::poll(items.data(), items.size(), wait);
    }
}

// Collects the exit status; false when the process still runs after `wait`.
bool LocalProcess::reap(std::chrono::milliseconds wait) {
    const LinkDeadline deadline = deadline_in(wait);
    while (pid_ > 0) {
        int status = 0;
        const pid_t done = ::waitpid(pid_, &status, WNOHANG);
        if (done == pid_ || (done < 0 && errno == ECHILD)) {
            if (done == pid_ && WIFEXITED(status)) exit_status_ = WEXITSTATUS(status);
            pid_ = -1;
        } else if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        } else {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
    }
    return true;
}

void LocalProcess::close() {
    close_fd(in_);
    close_fd(out_);
    if (!reap(std::chrono::milliseconds(1000))) {
        ::kill(pid_, SIGTERM);
        if (!reap(std::chrono::milliseconds(500))) {
            ::kill(pid_, SIGKILL);
            reap(std::chrono::milliseconds(500));
        }
    }
    take_stderr();
    close_fd(err_);
}

}  // namespace zk::ssh
