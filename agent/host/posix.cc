#include "agent_host/posix.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <thread>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "agent_api/digest.h"
#include "child/child.h"

namespace zk::agent_host {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr const char* kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kNotStarted = 127;

Result<> write_all(int fd, ByteView content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t size = ::write(fd, content.data(), content.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("write " + path);
        content.remove_prefix(static_cast<std::size_t>(size));
    }
    return ok();
}

/// Always a file of our own making: what lies there already, perhaps a link or a pipe that the
/// server's user put into its own directory, is neither followed nor opened.
Result<Fd> create_file(const std::string& path, const FileOptions& options) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("replace " + path);
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_open()) return system_error("create " + path);
    if (options.uid || options.gid) {
        const auto uid = static_cast<uid_t>(options.uid.value_or(static_cast<uid_t>(-1)));
        const auto gid = static_cast<gid_t>(options.gid.value_or(static_cast<gid_t>(-1)));
        if (::fchown(file.get(), uid, gid) != 0) return system_error("change the owner of " + path);
    }
    if (::fchmod(file.get(), options.mode) != 0) return system_error("change the mode of " + path);
    return file;
}

/// A file to read from. A pipe or a device in a file's place would block the agent or never end.
Result<Fd> open_to_read(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return system_error("open " + path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return system_error("look at " + path);
    if (!S_ISREG(status.st_mode)) return Error(Errc::invalid, path + " is not a file");
    return file;
}

Result<> sync_and_close(Fd file, const std::string& path) {
    if (::fsync(file.get()) != 0) return system_error("sync " + path);
    return ok();
}

/// Collects output until its end or the deadline; false at the deadline.
bool collect(int fd, std::string& output, std::chrono::steady_clock::time_point deadline) {
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd poll_fd{fd, POLLIN, 0};
        const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::min<long>(left.count(), 1000)));
        if (ready < 0 && errno != EINTR) return true;
        if (ready <= 0) continue;
        const ssize_t size = ::read(fd, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return true;
        if (output.size() < kOutputBytesMax) {
            output.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }
}

/// A program may close its output and go on; false at the deadline.
bool reap(pid_t pid, int& status, std::chrono::steady_clock::time_point deadline) {
    for (;;) {
        const pid_t ended = ::waitpid(pid, &status, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}
Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = other.release();
    }
    return *this;
}
int Fd::release() { return std::exchange(fd_, -1); }

Error system_error(const std::string& what) {
    return {boost::system::error_code(errno, boost::system::system_category()), what};
}
bool is_no_room(const Error& error) {
    return error.code == boost::system::errc::no_space_on_device ||
           error.code == boost::system::error_code(EDQUOT, boost::system::system_category());
}
bool is_no_right(const Error& error) {
    return error.code == boost::system::errc::permission_denied ||
           error.code == boost::system::errc::operation_not_permitted ||
           error.code == boost::system::errc::read_only_file_system;
}
bool is_not_found(const Error& error) {
    return error.code == boost::system::errc::no_such_file_or_directory;
}

std::string utc_stamp() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    return text;
}

std::string parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}
bool is_directory(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}
bool lies_inside(const std::string& path, const std::string& directory) {
    return path == directory || path.starts_with(directory + "/");
}

std::string real_path(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code code;
    std::string real = fs::weakly_canonical(path, code).string();
    if (code) real = fs::path(path).lexically_normal().string();
    while (real.size() > 1 && real.ends_with('/')) real.pop_back();
    return real;
}

Result<Bytes> read_file(const std::string& path, std::size_t bytes_max) {
    ZK_TRY(const Fd file, open_to_read(path));
    Bytes content;
    // Not emptied first: the agent reads small files many times a second.
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("read " + path);
        if (size == 0) return content;
        content.append(buffer.data(), static_cast<std::size_t>(size));
        if (content.size() > bytes_max) return Error(Errc::invalid, path + " is too large");
    }
}

Result<std::string> sha256_of_file(const std::string& path) {
    ZK_TRY(const Fd file, open_to_read(path));
    agent_api::Sha256 digest;
    std::vector<char> buffer(256 * 1024);
    for (;;) {
        const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("read " + path);
        if (size == 0) return digest.finish();
        digest.update(ByteView(buffer.data(), static_cast<std::size_t>(size)));
    }
}

Result<> write_new_file(const std::string& path, ByteView content, FileOptions options) {
    ZK_TRY(Fd file, create_file(path, options));
    ZK_CHECK(write_all(file.get(), content, path));
    return sync_and_close(std::move(file), path);
}

Result<> copy_file(const std::string& from, const std::string& to, FileOptions options) {
    ZK_TRY(const Fd source, open_to_read(from));
    ZK_TRY(Fd file, create_file(to, options));
    std::vector<char> buffer(256 * 1024);
    for (;;) {
        const ssize_t size = ::read(source.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return system_error("read " + from);
        if (size == 0) break;
        ZK_CHECK(
            write_all(file.get(), ByteView(buffer.data(), static_cast<std::size_t>(size)), to));
    }
    return sync_and_close(std::move(file), to);
}

Result<> replace_file(const std::string& path, ByteView content, FileOptions options) {
    const std::string aside = path + ".zkprov-new";
    if (auto written = write_new_file(aside, content, options); !written.has_value()) {
        ::unlink(aside.c_str());
        return written;
    }
    return rename_durably(aside, path);
}

Result<> rename_durably(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        return system_error("rename " + from + " to " + to);
    return sync_directory(parent_of(to));
}

Result<> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return ok();
    return system_error("remove " + path);
}
Result<> remove_durably(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove " + path);
    return sync_directory(parent_of(path));
}

Result<> sync_directory(const std::string& path) {
    const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return system_error("open " + path);
    if (::fsync(directory.get()) != 0) return system_error("sync " + path);
    return ok();
}

Result<> make_directories(const std::string& path,
                          std::uint32_t mode,
                          std::vector<std::string>& made) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return ok();
        return Error(Errc::exists, path + " is there and is not a directory");
    }
    if (path == "/" || path == ".") return system_error("look at " + path);
    ZK_CHECK(make_directories(parent_of(path), 0755, made));
    if (::mkdir(path.c_str(), mode) != 0) {
        // Another node of the same machine may just have made the folder that they share.
        if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
            return ok();
        }
        return system_error("make the directory " + path);
    }
    made.push_back(path);
    // The umask may have taken bits away.
    if (::chmod(path.c_str(), mode) != 0) return system_error("change the mode of " + path);
    return sync_directory(parent_of(path));
}

Result<> set_directory(const std::string& path,
                       std::uint32_t mode,
                       std::optional<std::uint32_t> uid,
                       std::optional<std::uint32_t> gid) {
    struct stat link {};
    if (::lstat(path.c_str(), &link) != 0) return system_error("look at " + path);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    if (S_ISLNK(link.st_mode)) {
        if (link.st_uid != 0 && link.st_uid != ::geteuid()) {
            return Error(Errc::exists,
                         path +
                             " is a link that another user made; remove it, or let root make it "
                             "anew");
        }
        flags &= ~O_NOFOLLOW;
    }
    const Fd directory(::open(path.c_str(), flags));
    if (!directory.is_open()) return system_error("open " + path);
    if (uid || gid) {
        const auto owner = static_cast<uid_t>(uid.value_or(static_cast<uid_t>(-1)));
        const auto group = static_cast<gid_t>(gid.value_or(static_cast<gid_t>(-1)));
        if (::fchown(directory.get(), owner, group) != 0) {
            return system_error("change the owner of " + path);
        }
    }
    if (::fchmod(directory.get(), mode) != 0) return system_error("change the mode of " + path);
    return ok();
}

Result<std::string> read_tail(const std::string& path, std::size_t bytes) {
    ZK_TRY(const Fd file, open_to_read(path));
    const off_t end = ::lseek(file.get(), 0, SEEK_END);
    const auto size = static_cast<std::size_t>(std::max<off_t>(end, 0));
    std::string tail(std::min(size, bytes), '\0');
    const ssize_t got =
        ::pread(file.get(), tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
    if (got < 0) return system_error("read " + path);
    tail.resize(static_cast<std::size_t>(got));
    return tail;
}

Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                  std::chrono::milliseconds timeout) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe for " + arguments.front());
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    child::Child program;
    program.command = arguments;
    program.environment = child::environment_with({{"LC_ALL", "C"}, {"PATH", kPath}});
    program.out = program.err = writer.get();
    const auto started = child::start(program);
    // As a shell has it.
    if (!started.has_value()) return CommandResult{kNotStarted, started.error().code.message()};
    writer = Fd();
    CommandResult result;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    int status = 0;
    const bool ended =
        collect(reader.get(), result.output, deadline) && reap(*started, status, deadline);
    if (!ended) {
        ::kill(*started, SIGKILL);
        while (::waitpid(*started, &status, 0) < 0 && errno == EINTR) {
        }
        return Error(
            Errc::timeout,
            arguments.front() + " did not end within " + std::to_string(timeout.count()) + " ms");
    }
    result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

Result<std::string> run_checked(const std::vector<std::string>& arguments,
                                std::chrono::milliseconds timeout) {
    ZK_TRY(CommandResult result, run_command(arguments, timeout));
    if (result.exit_status == 0) return std::move(result.output);
    std::string command;
    for (const std::string& argument : arguments)
        command += (command.empty() ? "" : " ") + argument;
    while (!result.output.empty() && result.output.back() == '\n') result.output.pop_back();
    return Error(Errc::failed,
                 command + " ended with status " + std::to_string(result.exit_status) +
                     (result.output.empty() ? "" : ": " + result.output));
}

}  // namespace zk::agent_host
