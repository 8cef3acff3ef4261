#include "storage/epoch_files.h"

#include "base/numbers.h"

namespace zk::storage {
namespace {
constexpr std::size_t kEpochFileBytesMax = 4096;
}

Result<std::optional<Epoch>> read_epoch(Disk& disk,
                                        const std::string& dir,
                                        const std::string& name) {
    const std::string path = dir + "/" + name;
    ZK_TRY(const bool there, disk.exists(path));
    if (!there) return std::optional<Epoch>();
    ZK_TRY(const Bytes text, disk.read_file(path, kEpochFileBytesMax));
    std::string_view line = text;
    line = line.substr(0, line.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto value = parse_number(line);
    if (!value || *value < -1) {
        return Error(Errc::corrupt,
                     path +
                         " does not hold an epoch (one decimal number); if the rest of the "
                         "directory is whole, "
                         "restore the file from a backup, else let this member start empty");
    }
    return std::optional<Epoch>(Epoch(*value));
}

Result<> write_epoch(Disk& disk, const std::string& dir, const std::string& name, Epoch epoch) {
    return disk.replace_file(dir, name, name + ".tmp", std::to_string(epoch.value()));
}

}  // namespace zk::storage
