#include "storage/disk.h"

namespace zk::storage {

Result<Bytes> Disk::read_file(const std::string& path, std::size_t size_max) {
    ZK_TRY(const std::uint64_t file_size, size(path));
    if (file_size > size_max) {
        return Error(Errc::invalid,
                     path + " has " + std::to_string(file_size) + " bytes, at most " +
                         std::to_string(size_max) + " make sense");
    }
    return read(path, 0, static_cast<std::size_t>(file_size));
}

Result<> Disk::replace_file(const std::string& dir,
                            const std::string& name,
                            const std::string& temp_name,
                            ByteView bytes) {
    const std::string temp = dir + "/" + temp_name;
    ZK_TRY(const std::unique_ptr<DiskFile> file, create(temp));
    ZK_CHECK(file->write(bytes));
    ZK_CHECK(file->sync());
    ZK_CHECK(file->close());
    ZK_CHECK(rename(temp, dir + "/" + name));
    return sync_dir(dir);
}

Result<> remove_if_there(Disk& disk, const std::string& path) {
    auto removed = disk.remove(path);
    if (!removed.has_value() && removed.error().code == Errc::not_found) return ok();
    return removed;
}

}  // namespace zk::storage
