#include "phases/release.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include "agent_api/digest.h"

namespace zk::phases {
namespace {

/// Far above any of our programs; a release directory that is something else is noticed before it
/// is read.
constexpr std::uintmax_t kProgramBytesMax = 512U << 20;

Result<std::string> own_directory() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return Error(error, "finding the directory of zkprov itself");
    return program.parent_path().string();
}

Error release_error(const std::string& path, const std::string& words) {
    return {Errc::not_found,
            path + " " + words +
                "; build the release, or name its directory with --release-dir or "
                "ZKPROV_RELEASE_DIR"};
}

}  // namespace

Result<Bytes> read_program(const std::string& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) return release_error(path, "cannot be found");
    if (size > kProgramBytesMax) return release_error(path, "is larger than any of our programs");
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    if (!file) return release_error(path, "cannot be read");
    Bytes bytes = std::move(content).str();
    if (!bytes.starts_with("\x7f"
                           "ELF"))
        return release_error(path, "is not a Linux program");
    if (access(path.c_str(), X_OK) != 0) return release_error(path, "is not executable");
    return bytes;
}

Result<Release> find_release(const std::string& directory) {
    std::string where = directory;
    if (where.empty()) {
        ZK_TRY(where, own_directory());
    }
    Release release;
    release.server.path = where + "/zkserver";
    ZK_TRY(release.server.content, read_program(release.server.path));
    release.server.sha256 = agent_api::sha256_hex(release.server.content);
    release.agent_path = where + "/zkprov-agent";
    ZK_TRY(const Bytes agent, read_program(release.agent_path));
    release.agent_sha256 = agent_api::sha256_hex(agent);
    return release;
}

}  // namespace zk::phases
