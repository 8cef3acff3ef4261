#include "agent_serve/blob_store.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_host/host_facts.h"
#include "agent_host/posix.h"

namespace zk::agent_serve {
namespace {

using agent_host::system_error;

constexpr std::uint64_t kBlobBytesMax = 1ULL << 30;
constexpr std::uint64_t kSpareBytes = 16ULL << 20;

bool is_digest(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<> check_room(const std::string& path, std::uint64_t needed) {
    const auto space = agent_host::read_space(path);
    if (space.total_bytes == 0 || space.free_bytes >= needed) return ok();
    return agent_api::from_agent_error(agent_api::no_room(path, needed, space.free_bytes));
}

}  // namespace

Result<std::optional<std::uint64_t>> BlobStore::begin(const agent_api::BlobBegin& blob) {
    if (!is_digest(blob.sha256) || blob.size == 0 || blob.size > kBlobBytesMax) {
        return Error(Errc::invalid, "not a blob: " + blob.sha256);
    }
    file_ = agent_host::Fd();
    blob_ = blob;
    std::vector<std::string> made;
    ZK_CHECK(agent_host::make_directories(state_.blob_dir(), 0700, made));
    if (agent_host::exists(state_.blob_file(blob.sha256))) return std::optional<std::uint64_t>();
    ZK_CHECK(open_part());
    if (received_ > blob.size) received_ = 0;
    // Room is asked for before the first byte.
    ZK_CHECK(or_close(check_room(state_.path(), blob.size - received_ + kSpareBytes)));
    if (!blob.install_dir.empty()) {
        ZK_CHECK(or_close(check_room(blob.install_dir, blob.size + kSpareBytes)));
    }
    if (::ftruncate(file_.get(), static_cast<off_t>(received_)) != 0) {
        return or_close(system_error("shorten " + part_file())).error();
    }
    return std::optional<std::uint64_t>(received_);
}

/// For this session alone: two that append to one file would spoil it for both.
Result<> BlobStore::open_part() {
    const std::string path = part_file();
    file_ = agent_host::Fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_.is_open()) return system_error("create " + path);
    struct stat ours {};
    struct stat there {};
    // The one who had it may have put it in its place, or given it up, since we opened it.
    const bool held = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 &&
                      ::fstat(file_.get(), &ours) == 0 && ::stat(path.c_str(), &there) == 0 &&
                      ours.st_ino == there.st_ino;
    if (!held) {
        return or_close(Error(Errc::refused,
                              "another session sends the same program to this host right now; try "
                              "again when it is done"));
    }
    received_ = static_cast<std::uint64_t>(ours.st_size);
    return ok();
}

Result<> BlobStore::or_close(Result<> result) {
    if (!result.has_value()) file_ = agent_host::Fd();
    return result;
}

Result<> BlobStore::chunk(ByteView bytes) {
    if (!receiving()) return Error(Errc::invalid, "a piece of a blob that was not announced");
    if (received_ + bytes.size() > blob_.size) {
        return give_up(Error(Errc::invalid, "more bytes than the blob has"));
    }
    received_ += bytes.size();
    while (!bytes.empty()) {
        const ssize_t size = ::write(file_.get(), bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return give_up(system_error("write " + part_file()));
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return ok();
}

Result<agent_api::BlobOk> BlobStore::end() {
    if (!receiving()) return Error(Errc::invalid, "the end of a blob that was not announced");
    if (received_ != blob_.size) {
        return give_up(Error(Errc::invalid, "the blob is shorter than announced"));
    }
    if (::fsync(file_.get()) != 0) return give_up(system_error("sync " + part_file()));
    ZK_TRY(const std::string digest, agent_host::sha256_of_file(part_file()));
    if (digest != blob_.sha256) {
        return give_up(Error(Errc::corrupt, "the blob was damaged on its way; send it again"));
    }
    ZK_CHECK(or_close(agent_host::rename_durably(part_file(), state_.blob_file(blob_.sha256))));
    file_ = agent_host::Fd();
    agent_api::BlobOk done;
    done.sha256 = blob_.sha256;
    done.received = true;
    return done;
}

Error BlobStore::give_up(Error error) {
    ::unlink(part_file().c_str());
    file_ = agent_host::Fd();
    return error;
}

}  // namespace zk::agent_serve
