#include "phases/image_archive.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent_api/digest.h"

namespace zk::phases {
namespace {

/// As much as an agent takes of one blob.
constexpr std::uintmax_t kArchiveBytesMax = 1U << 30U;
constexpr std::size_t kTarMagicAt = 257;

Error wrong_archive(const std::string& path, const std::string& words) {
    return {Errc::invalid,
            path + ": " + words +
                "; write it with docker save -o FILE IMAGE, or correct docker.archive in the "
                "inventory"};
}

/// A tar, or one that gzip, xz or zstd packed: engines take them all.
bool is_archive(ByteView bytes) {
    if (bytes.starts_with("\x1f\x8b") ||
        bytes.starts_with("\xfd"
                          "7zXZ") ||
        bytes.starts_with("\x28\xb5\x2f\xfd")) {
        return true;
    }
    return bytes.size() > kTarMagicAt && bytes.substr(kTarMagicAt).starts_with("ustar");
}

}  // namespace

Result<> take_image_archive(const inventory::DockerSettings& settings, Release& release) {
    release.what = "the image " + settings.image;
    release.version = "container";
    if (settings.archive.empty()) {
        release.server = Blob();
        release.server.sha256 = agent_api::sha256_hex(settings.image);
        return ok();
    }
    const std::string& path = settings.archive;
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) return wrong_archive(path, "cannot be read: " + error.message());
    if (size > kArchiveBytesMax) return wrong_archive(path, "is larger than 1 GiB");
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file) return wrong_archive(path, "cannot be read");
    release.server.path = path;
    release.server.content = std::move(content).str();
    if (!is_archive(release.server.content)) {
        return wrong_archive(path, "is no archive of an image");
    }
    release.server.sha256 = agent_api::sha256_hex(release.server.content);
    return ok();
}

}  // namespace zk::phases
