// The records of one log file, and which of them stand there a second time. Pure, over Disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/log_reader.h"
#include "storage/log_repeats.h"

namespace zk::zkdata {

/// The logs of `dir` as servers read them, or only `name` when no server would read it under that name.
Result<std::vector<storage::LogFile>> logs_with(storage::Disk& disk,
                                                const std::string& dir,
                                                const std::string& name);

class LogRecords {
  public:
    LogRecords(storage::Disk& disk,
               const std::string& dir,
               const std::string& name,
               std::vector<storage::LogFile> files,
               std::int32_t payload_max)
        : name_(name),
          reader_(disk, dir, name, payload_max),
          repeats_(disk, dir, std::move(files), payload_max) {}

    /// All of them in the order of the file, repeated ones too; errors as LogFileReader's.
    Result<std::optional<storage::LogRecord>> next();
    /// The last one is the same as one before it, and every reader but this one leaves it out.
    [[nodiscard]] bool again() const { return again_; }
    /// How many were such.
    [[nodiscard]] std::uint64_t repeated() const { return repeats_.records(); }
    [[nodiscard]] const storage::LogFileReader& reader() const { return reader_; }

  private:
    std::string name_;
    storage::LogFileReader reader_;
    storage::LogRepeats repeats_;
    std::optional<Zxid> last_;
    bool again_ = false;
};

}  // namespace zk::zkdata
