// Files, directories and commands, with errors as values: the small part of the system that the
// agent uses. Shell. Any thread. Durable means: content synced before the rename, directory synced
// after it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::agent_host {

/// A file descriptor that closes itself.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd();
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    int release();

  private:
    int fd_ = -1;
};

/// The last system error with what was tried.
Error system_error(const std::string& what);
/// No room: ENOSPC or EDQUOT. No right: EACCES, EPERM or EROFS.
bool is_no_room(const Error& error);
bool is_no_right(const Error& error);
bool is_not_found(const Error& error);

/// "20261130T091500Z", of now: for names of what is put aside.
std::string utc_stamp();
std::string parent_of(const std::string& path);
bool exists(const std::string& path);
/// Itself and not a link to one.
bool is_directory(const std::string& path);
/// Whether a path is `directory` or below it; by their texts.
bool lies_inside(const std::string& path, const std::string& directory);
/// Without links, as far as it exists; without a slash at its end.
std::string real_path(const std::string& path);
/// The whole file; Errc::invalid beyond `bytes_max`, and for what is not a file.
Result<Bytes> read_file(const std::string& path, std::size_t bytes_max = 16UL << 20);
/// The last `bytes` of a file, or all of a shorter one.
Result<std::string> read_tail(const std::string& path, std::size_t bytes);
Result<std::string> sha256_of_file(const std::string& path);

struct FileOptions {
    std::uint32_t mode = 0600;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
};
/// Writes and syncs `path`, a new file in the place of what lies there: for files nobody reads yet.
Result<> write_new_file(const std::string& path, ByteView content, FileOptions options);
/// Copies and syncs.
Result<> copy_file(const std::string& from, const std::string& to, FileOptions options);
/// Writes aside, syncs, renames: readers see the old or the new content.
Result<> replace_file(const std::string& path, ByteView content, FileOptions options);
/// Renames and syncs the directory of `to`.
Result<> rename_durably(const std::string& from, const std::string& to);
/// Removes a file, if it is there.
Result<> remove_file(const std::string& path);
/// ... and syncs its directory.
Result<> remove_durably(const std::string& path);
Result<> sync_directory(const std::string& path);
/// Makes missing parents too; those it made are appended to `made`, outermost first.
Result<> make_directories(const std::string& path,
                          std::uint32_t mode,
                          std::vector<std::string>& made);
/// Sets mode and owner of a directory. A link to one is followed only when root or this process's
/// user made it; Errc::exists else.
Result<> set_directory(const std::string& path,
                       std::uint32_t mode,
                       std::optional<std::uint32_t> uid,
                       std::optional<std::uint32_t> gid);

struct CommandResult {
    int exit_status = 0;  ///< 128 + signal when killed
    std::string output;   ///< stdout and stderr, bounded
};
/// Runs a program without a shell; its standard input is empty. Errc::timeout kills it.
Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                  std::chrono::milliseconds timeout);
/// The same, and an exit status other than 0 is an error with the program's words.
Result<std::string> run_checked(const std::vector<std::string>& arguments,
                                std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace zk::agent_host
