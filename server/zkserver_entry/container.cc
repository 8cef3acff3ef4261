#include "zkserver_entry/container.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <sstream>
#include <unistd.h>

#include <fmt/core.h>
#include <sys/stat.h>
#include <system_error>

namespace zk::zkserver_entry {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kFileBytesMax = 1024UL * 1024;

Error failed(const std::string& what) {
    return {boost::system::error_code(errno, boost::system::system_category()), what};
}
Error failed(const std::error_code& code, const std::string& what) {
    return {boost::system::error_code(code.value(), boost::system::system_category()), what};
}

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool open() const { return fd_ >= 0; }

  private:
    int fd_;
};

Result<> write_all(int fd, const std::string& text, const std::string& path) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(fd, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(path);
        written += static_cast<std::size_t>(count);
    }
    return ok();
}

/// \040 and so on: how /proc/self/mountinfo has blanks.
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string digits = text.substr(i, 4);
        if (digits.size() == 4 && digits[0] == '\\' &&
            digits.find_first_not_of("01234567", 1) == std::string::npos) {
            plain += static_cast<char>(std::stoi(digits.substr(1), nullptr, 8));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

Result<> give(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? ok() : Result<>(failed(path));
    }
    if (status.st_uid == kUser && status.st_gid == kGroup) return ok();
    if (::lchown(path.c_str(), kUser, kGroup) != 0) return failed(path);
    return ok();
}

}  // namespace

bool is_root() { return ::geteuid() == 0; }

Result<std::optional<std::string>> read_file(const std::string& path) {
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) {
        if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
        return failed(path);
    }
    std::string text;
    std::array<char, 8192> buffer{};
    while (true) {
        const ssize_t count = ::read(file.fd(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(path);
        if (count == 0) return std::optional(std::move(text));
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > kFileBytesMax) {
            return Error(Errc::invalid, path + " is larger than 1 MiB: this is not the right file");
        }
    }
}

Result<> write_file(const std::string& path, const std::string& text) {
    const std::string aside = path + ".new";
    ::unlink(aside.c_str());
    {
        const File file(
            ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (!file.open()) return failed(aside);
        ZK_CHECK(write_all(file.fd(), text, aside));
        if (is_root() && ::fchown(file.fd(), kUser, kGroup) != 0) return failed(aside);
        if (::fsync(file.fd()) != 0) return failed(aside);
    }
    if (::rename(aside.c_str(), path.c_str()) != 0) return failed(path);
    const File directory(::open(fs::path(path).parent_path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!directory.open() || ::fsync(directory.fd()) != 0) return failed(path);
    return ok();
}

Result<> make_directory(const std::string& path) {
    std::error_code code;
    fs::create_directories(path, code);
    return code ? Result<>(failed(code, path)) : ok();
}

std::string without_links(const std::string& path) {
    std::error_code code;
    const fs::path plain = fs::weakly_canonical(path, code);
    std::string text = code ? fs::path(path).lexically_normal().string() : plain.string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

Result<std::vector<std::string>> mount_points() {
    ZK_TRY(const std::optional<std::string> text, read_file("/proc/self/mountinfo"));
    if (!text)
        return Error(Errc::not_found, "/proc/self/mountinfo is not there; /proc must be mounted");
    std::vector<std::string> found;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id;
        std::string parent;
        std::string device;
        std::string root;
        std::string point;
        if (words >> id >> parent >> device >> root >> point) found.push_back(unescaped(point));
    }
    return found;
}

Result<> give_to_zookeeper(const std::string& directory) {
    ZK_CHECK(give(directory));
    std::error_code code;
    fs::recursive_directory_iterator at(directory, code);
    while (!code && at != fs::recursive_directory_iterator()) {
        ZK_CHECK(give(at->path().string()));
        at.increment(code);
    }
    if (code && code != std::errc::no_such_file_or_directory) return failed(code, directory);
    return ok();
}

Result<> become_zookeeper() {
    const gid_t groups[] = {kGroup};
    if (::setgroups(1, groups) != 0 || ::setgid(kGroup) != 0 || ::setuid(kUser) != 0) {
        return failed(
            "root cannot become the user zookeeper (1000); leave the container the capabilities "
            "SETUID, SETGID and CHOWN, or start it with --user 1000:1000");
    }
    if (::setuid(0) == 0) return Error(Errc::failed, "root's rights could not be given up");
    return ok();
}

Result<> check_writable(const std::string& directory) {
    if (::access(directory.c_str(), W_OK | X_OK) == 0) return ok();
    return failed(fmt::format(
        "{} cannot be written by this container's user ({}:{}); start the container as root, which "
        "gives "
        "its volumes to zookeeper (1000:1000), or give the directory to that user on the host",
        directory,
        ::geteuid(),
        ::getegid()));
}

}  // namespace zk::zkserver_entry
