// A disk that passes everything on, for tests that change or count some of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/disk.h"

namespace zk::storage {

class ForwardingDisk : public Disk {
  public:
    explicit ForwardingDisk(Disk& disk) : disk_(disk) {}
    Result<std::vector<std::string>> list(const std::string& dir) override {
        return disk_.list(dir);
    }
    Result<bool> exists(const std::string& path) override { return disk_.exists(path); }
    Result<std::uint64_t> size(const std::string& path) override { return disk_.size(path); }
    Result<Bytes> read(const std::string& path, std::uint64_t offset, std::size_t length) override {
        return disk_.read(path, offset, length);
    }
    Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
        return disk_.create(path);
    }
    Result<> rename(const std::string& from, const std::string& to) override {
        return disk_.rename(from, to);
    }
    Result<> remove(const std::string& path) override { return disk_.remove(path); }
    Result<> truncate(const std::string& path, std::uint64_t size) override {
        return disk_.truncate(path, size);
    }
    Result<> sync_dir(const std::string& dir) override { return disk_.sync_dir(dir); }
    Result<> settle(const std::string& path) override { return disk_.settle(path); }
    Result<> make_dirs(const std::string& dir) override { return disk_.make_dirs(dir); }

  private:
    Disk& disk_;
};

}  // namespace zk::storage
