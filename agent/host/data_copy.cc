#include "agent_host/data_copy.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <linux/fs.h>
#include <optional>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "agent_host/apache_release.h"
#include "agent_host/disks.h"
#include "agent_host/posix.h"
#include "client/four_letter.h"
#include "disk/posix_disk.h"
#include "zkdata/check.h"
#include "zkdata/summary.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNewestCopied = 2;
constexpr std::size_t kPieceBytes = 1U << 20;
constexpr std::string_view kBefore = ".before-";
constexpr std::string_view kPart = ".part";
constexpr auto kConfPatience = std::chrono::milliseconds(2000);

struct Item {
    std::string name;
    struct stat status {};
    bool link = false;
};

/// The regular files of `directory`; nothing where there is none.
Result<std::vector<Item>> items_of(const std::string& directory) {
    std::vector<Item> items;
    std::error_code code;
    if (!fs::exists(directory, code)) return items;
    for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code)) {
        Item item;
        item.name = at->path().filename().string();
        if (::lstat(at->path().c_str(), &item.status) != 0) continue;  // purged this moment
        if (S_ISREG(item.status.st_mode)) items.push_back(std::move(item));
    }
    if (code) return Error(code, "look into " + directory);
    for (const std::string_view prefix : {"snapshot.", "log."}) {
        std::vector<std::pair<std::uint64_t, Item*>> numbered;
        for (Item& item : items) {
            if (const auto zxid = zxid_in_name(item.name, prefix))
                numbered.emplace_back(*zxid, &item);
        }
        std::ranges::sort(numbered);
        for (std::size_t i = 0; i + kNewestCopied < numbered.size(); ++i) {
            numbered[i].second->link = true;
        }
    }
    return items;
}

CopySize size_of(const std::vector<Item>& items) {
    CopySize size;
    for (const Item& item : items) {
        const auto bytes = static_cast<std::uint64_t>(item.status.st_blocks) * 512;
        (item.link ? size.linked : size.copied) += bytes;
    }
    return size;
}

/// Where hard links from `directory` may lie: beside it, or inside where it is a mount point or a link.
std::string base_for(const std::string& directory) {
    struct stat own {};
    struct stat parent {};
    if (::lstat(directory.c_str(), &own) == 0 && S_ISDIR(own.st_mode) &&
        ::stat(parent_of(directory).c_str(), &parent) == 0 && own.st_dev == parent.st_dev) {
        return directory;
    }
    return directory + "/data";
}

/// What an agent that was killed while it copied left behind.
void remove_parts(const std::string& base) {
    const fs::path path(base);
    std::vector<fs::path> parts;
    std::error_code code;
    for (fs::directory_iterator at(path.parent_path(), code), end; !code && at != end;
         at.increment(code)) {
        const std::string name = at->path().filename().string();
        const bool ours = name.starts_with(path.filename().string() + std::string(kBefore));
        if (ours && name.ends_with(kPart)) parts.push_back(at->path());
    }
    for (const fs::path& part : parts) remove_tree(part.string());
}

Result<> write_all(int to, const char* data, std::size_t size, off_t at) {
    while (size > 0) {
        const ssize_t written = ::pwrite(to, data, size, at);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("write a copy");
        data += written;
        at += written;
        size -= static_cast<std::size_t>(written);
    }
    return ok();
}

/// Logs are longer than what was written to them: holes stay holes.
Result<> copy_extents(int from, int to, off_t size) {
    std::string piece(kPieceBytes, '\0');
    for (off_t at = 0; at < size;) {
        off_t begin = ::lseek(from, at, SEEK_DATA);
        if (begin < 0 && errno == ENXIO) break;  // nothing but a hole
        off_t end = begin < 0 ? size : ::lseek(from, begin, SEEK_HOLE);
        if (begin < 0) begin = at;  // a file system without holes
        if (end < 0) end = size;
        for (at = begin; at < end;) {
            const auto wanted = std::min<off_t>(end - at, static_cast<off_t>(piece.size()));
            const ssize_t got = ::pread(from, piece.data(), static_cast<std::size_t>(wanted), at);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system_error("read for a copy");
            if (got == 0) return Error(Errc::failed, "a file became shorter while it was copied");
            ZK_CHECK(write_all(to, piece.data(), static_cast<std::size_t>(got), at));
            at += got;
        }
    }
    if (::ftruncate(to, size) != 0) return system_error("set the size of a copy");
    return ok();
}

Result<> copy_one(const std::string& from, const std::string& to, const struct stat& status) {
    const Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!source.is_open()) return system_error("open " + from);
    const Fd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!target.is_open()) return system_error("make " + to);
    // Shared blocks, where the file system has such; each side that writes gets its own.
    if (::ioctl(target.get(), FICLONE, source.get()) != 0) {
        auto copied = copy_extents(source.get(), target.get(), status.st_size);
        if (!copied.has_value()) return copied.error().with_context(to);
    }
    if (::fchown(target.get(), status.st_uid, status.st_gid) != 0 && ::geteuid() == 0) {
        return system_error("give " + to + " its owner");
    }
    if (::fchmod(target.get(), status.st_mode & 07777) != 0) return system_error("chmod " + to);
    if (::fsync(target.get()) != 0) return system_error("sync " + to);
    return ok();
}

Result<> make_like(const std::string& directory, const std::string& like) {
    struct stat status {};
    if (::stat(like.c_str(), &status) != 0) return system_error("look at " + like);
    std::vector<std::string> made;
    ZK_CHECK(make_directories(directory, status.st_mode & 07777, made));
    if (::geteuid() != 0) return ok();
    return set_directory(directory, status.st_mode & 07777, status.st_uid, status.st_gid);
}

Result<CopySize> copy_files(const std::string& from, const std::string& to) {
    ZK_TRY(auto items, items_of(from));
    for (Item& item : items) {
        const std::string source = from + "/" + item.name;
        const std::string target = to + "/" + item.name;
        // A file system without hard links, or one that protects files from them.
        if (item.link && ::link(source.c_str(), target.c_str()) == 0) continue;
        item.link = false;
        ZK_CHECK(copy_one(source, target, item.status));
    }
    ZK_CHECK(sync_directory(to));
    return size_of(items);
}

/// data_dir or log_dir: the files beside version-2 (myid, whose data they are) and those in it.
Result<CopySize> copy_directory(const std::string& from, const std::string& to) {
    ZK_CHECK(make_like(to, from));
    const std::string version = "/version-2";
    // A server that has logged nothing yet has none for its logs; readers of the copy want one.
    ZK_CHECK(make_like(to + version, exists(from + version) ? from + version : from));
    ZK_TRY(const CopySize own, copy_files(from, to));
    ZK_TRY(const CopySize inner, copy_files(from + version, to + version));
    ZK_CHECK(sync_directory(to));
    return CopySize{own.copied + inner.copied, own.linked + inner.linked};
}

Result<> check_copy(const std::string& data, const std::string& log, agent_api::Flavor flavor) {
    disk::PosixDisk disk;
    ZK_TRY(const auto source, zkdata::look_at(disk, data, log));
    zkdata::Findings findings;
    ZK_CHECK(zkdata::check(disk, source, findings));
    // Of what is a warning only one of the two servers helps itself, and that is ours.
    const auto least =
        flavor == agent_api::Flavor::apache ? zkdata::Severity::warning : zkdata::Severity::error;
    for (const zkdata::Finding& finding : findings.all()) {
        if (finding.severity < least) continue;
        return Error(Errc::corrupt,
                     "the data are not as the other server needs them: " + finding_text(finding));
    }
    return ok();
}

struct CopyPlace {
    std::string from;
    std::string to;
};

Result<DataCopy> copy_to(const std::vector<CopyPlace>& places, agent_api::Flavor flavor) {
    DataCopy copy;
    for (const CopyPlace& place : places) {
        ZK_TRY(const CopySize size, copy_directory(place.from, place.to + std::string(kPart)));
        copy.size.copied += size.copied;
        copy.size.linked += size.linked;
        copy.directories.push_back(place.to);
    }
    ZK_CHECK(check_copy(
        places.front().to + std::string(kPart), places.back().to + std::string(kPart), flavor));
    for (const CopyPlace& place : places) {
        ZK_CHECK(rename_durably(place.to + std::string(kPart), place.to));
    }
    return copy;
}

}  // namespace

CopySize copy_size(const std::string& data_dir, const std::string& log_dir) {
    std::vector<std::string> directories = {data_dir, data_dir + "/version-2"};
    if (log_dir != data_dir) {
        directories.push_back(log_dir);
        directories.push_back(log_dir + "/version-2");
    }
    CopySize size;
    for (const std::string& directory : directories) {
        const auto items = items_of(directory);
        if (!items.has_value()) continue;
        const CopySize own = size_of(*items);
        size.copied += own.copied;
        size.linked += own.linked;
    }
    return size;
}

Result<DataCopy> copy_data(const std::string& data_dir,
                           const std::string& log_dir,
                           agent_api::Flavor for_flavor) {
    const std::string suffix =
        std::string(kBefore) + std::string(to_string(for_flavor)) + "-" + utc_stamp();
    std::vector<CopyPlace> places = {{data_dir, {}}};
    if (log_dir != data_dir) places.push_back({log_dir, {}});
    for (CopyPlace& place : places) {
        const std::string base = base_for(place.from);
        remove_parts(base);
        place.to = base + suffix;
        for (int next = 2; exists(place.to); ++next) {
            place.to = base + suffix + "-" + std::to_string(next);
        }
    }
    auto copy = copy_to(places, for_flavor);
    if (copy.has_value()) return copy;
    for (const CopyPlace& place : places) remove_tree(place.to + std::string(kPart));
    return copy.error().with_context("the copy of the data");
}

agent_api::DataSurvey survey_data(const agent_api::FactsRequest& request) {
    agent_api::DataSurvey survey;
    disk::PosixDisk disk;
    const auto read = [&]() -> Result<> {
        ZK_TRY(const auto source, zkdata::look_at(disk, request.data_dir, request.log_dir));
        ZK_TRY(const auto tree, zkdata::load(disk, source, std::nullopt));
        const auto summary = zkdata::summarise(tree, 1);
        survey.znodes = summary.nodes;
        survey.ttl_nodes = summary.ttl_nodes;
        survey.containers = summary.containers;
        if (!summary.largest_nodes.empty()) {
            survey.largest = summary.largest_nodes.front().name;
            survey.largest_bytes = summary.largest_nodes.front().number;
        }
        return ok();
    };
    if (const auto done = read(); !done.has_value()) survey.words = done.error().message();
    const auto port = request.client_port();
    if (!port) return survey;
    const auto conf = client::four_letter(request.address, *port, "conf", kConfPatience);
    if (!conf.has_value()) return survey;
    const auto lines = client::parse_conf(*conf);
    const auto version = lines.find("version");
    if (version != lines.end()) survey.config_version = version->second;
    return survey;
}

}  // namespace zk::agent_host
