#include "syscalls.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

namespace zk::disk {
namespace {

using Kind = FileCall::Kind;

constexpr int kWordsFd = 900;
constexpr std::size_t kBytesMax = std::size_t{1} << 22;

class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}

    /// Runs until the next entry or exit of a call. False: the process has ended.
    bool go_on() {
        if (::ptrace(PTRACE_SYSCALL, pid_, 0, signal_) != 0) return false;
        signal_ = 0;
        if (::waitpid(pid_, &status_, 0) != pid_ || !WIFSTOPPED(status_)) return false;
        if (WSTOPSIG(status_) != (SIGTRAP | 0x80)) {
            signal_ = WSTOPSIG(status_) == SIGTRAP ? 0 : WSTOPSIG(status_);
            return go_on();
        }
        return true;
    }
    [[nodiscard]] bool ended_well() const {
        return WIFEXITED(status_) && WEXITSTATUS(status_) == EXIT_SUCCESS;
    }
    [[nodiscard]] __ptrace_syscall_info info() const {
        __ptrace_syscall_info info{};
        ::ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof info, &info);
        return info;
    }
    void kill() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, &status_, 0);
    }
    /// At an entry: the call is not made. At its exit: this is what it gives.
    void replace(bool entry, int error) const {
#if defined(__x86_64__)
        user_regs_struct registers{};
        iovec place{&registers, sizeof registers};
        ::ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &place);
        if (entry) {
            registers.orig_rax = static_cast<unsigned long long>(-1);
        } else {
            registers.rax = static_cast<unsigned long long>(-error);
        }
        ::ptrace(PTRACE_SETREGSET, pid_, NT_PRSTATUS, &place);
#else
        (void)entry;
        (void)error;
        std::abort();
#endif
    }
    [[nodiscard]] std::string bytes(std::uint64_t address, std::size_t size) const {
        std::string text(std::min(size, kBytesMax), '\0');
        const iovec here{text.data(), text.size()};
        const iovec there{reinterpret_cast<void*>(address), text.size()};
        const ssize_t count = ::process_vm_readv(pid_, &here, 1, &there, 1, 0);
        text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return text;
    }
    /// A text that ends with a zero byte.
    [[nodiscard]] std::string text(std::uint64_t address) const {
        std::string all;
        // A page at a time: the next one may not be there.
        while (all.size() < kBytesMax) {
            const std::string part =
                bytes(address + all.size(), 4096 - (address + all.size()) % 4096);
            if (part.empty()) return all;
            const std::size_t end = part.find('\0');
            all += part.substr(0, end);
            if (end != std::string::npos) return all;
        }
        return all;
    }

  private:
    pid_t pid_;
    int status_ = 0;
    int signal_ = 0;
};

/// What a call is, read at its entry; nothing for those that change no file.
std::optional<FileCall> read_call(const Child& child, const __ptrace_syscall_info& info) {
    const auto& args = info.entry.args;
    FileCall call;
    call.fd = static_cast<int>(args[0]);
    switch (info.entry.nr) {
        case SYS_openat:
            call.path = child.text(args[1]);
            call.kind = (args[2] & O_CREAT) != 0 ? Kind::create : Kind::open;
            return call;
        case SYS_pwrite64:
            call.kind = Kind::write;
            call.bytes = child.bytes(args[1], args[2]);
            call.offset = args[3];
            return call;
        case SYS_write:
            if (call.fd != kWordsFd) return std::nullopt;
            call.kind = Kind::word;
            call.bytes = child.bytes(args[1], args[2]);
            return call;
        case SYS_fsync:
        case SYS_fdatasync:
            call.kind = Kind::sync;
            return call;
        case SYS_ftruncate:
            call.kind = Kind::cut;
            call.offset = args[1];
            return call;
        case SYS_close:
            call.kind = Kind::close;
            return call;
#ifdef SYS_rename
        case SYS_rename:
            call.kind = Kind::rename;
            call.path = child.text(args[0]);
            call.to = child.text(args[1]);
            return call;
        case SYS_unlink:
            call.kind = Kind::remove;
            call.path = child.text(args[0]);
            return call;
        case SYS_mkdir:
            call.kind = Kind::make_dir;
            call.path = child.text(args[0]);
            return call;
#endif
        default:
            return std::nullopt;
    }
}

bool is_changing(Kind kind) {
    return kind != Kind::open && kind != Kind::close && kind != Kind::word;
}

pid_t start(const std::function<void()>& run) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const int nowhere = ::open("/dev/null", O_WRONLY);
    if (nowhere < 0 || ::dup2(nowhere, kWordsFd) < 0) ::_exit(EXIT_FAILURE);
    if (::ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) ::_exit(EXIT_FAILURE);
    ::raise(SIGSTOP);
    run();
    ::_exit(EXIT_SUCCESS);
}

/// Follows the child from call to call.
void follow(Child& child, const std::optional<Interruption>& interruption, Watched& watched) {
    std::optional<FileCall> under_way;
    bool replaced = false;
    while (child.go_on()) {
        const __ptrace_syscall_info info = child.info();
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            under_way = read_call(child, info);
            if (!under_way || !is_changing(under_way->kind)) continue;
            ++watched.changing_calls;
            if (!interruption || interruption->call != watched.changing_calls) continue;
            watched.interrupted = true;
            if (interruption->error == 0) return child.kill();
            child.replace(true, interruption->error);
            replaced = true;
        } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && under_way) {
            if (std::exchange(replaced, false)) {
                child.replace(false, interruption->error);
                under_way.reset();
                continue;
            }
            if (info.exit.is_error == 0) {
                const bool opens = under_way->kind == Kind::open || under_way->kind == Kind::create;
                if (opens) under_way->fd = static_cast<int>(info.exit.rval);
                watched.calls.push_back(*std::move(under_way));
            }
            under_way.reset();
        }
    }
    watched.ended_well = child.ended_well();
}

}  // namespace

void say(const std::string& word) {
    // Nobody reads /dev/null; the watcher sees the call.
    if (::write(kWordsFd, word.data(), word.size()) < 0) ::_exit(EXIT_FAILURE);
}

std::optional<Watched> watch(const std::function<void()>& run,
                             std::optional<Interruption> interruption) {
    const pid_t pid = start(run);
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return std::nullopt;
    if (!WIFSTOPPED(status)) return std::nullopt;  // it may not be traced
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
    Child child(pid);
    if (::ptrace(PTRACE_SETOPTIONS, pid, 0, kOptions) != 0) {
        child.kill();
        return std::nullopt;
    }
    Watched watched;
    follow(child, interruption, watched);
    return watched;
}

}  // namespace zk::disk
