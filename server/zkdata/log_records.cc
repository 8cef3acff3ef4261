#include "zkdata/log_records.h"

#include <algorithm>

namespace zk::zkdata {

using storage::LogFile;
using storage::LogRecord;

Result<std::vector<LogFile>> logs_with(storage::Disk& disk,
                                       const std::string& dir,
                                       const std::string& name) {
    ZK_TRY(std::vector<LogFile> files, storage::list_logs(disk, dir));
    const bool listed = std::any_of(
        files.begin(), files.end(), [&](const LogFile& file) { return file.name == name; });
    if (!listed) files = {LogFile{Zxid(0), name}};
    return files;
}

Result<std::optional<LogRecord>> LogRecords::next() {
    ZK_TRY(std::optional<LogRecord> record, reader_.next());
    if (!record) return record;
    auto order = storage::LogRepeats::Order::onward;
    if (last_) {
        ZK_TRY(order, repeats_.look(name_, *record, *last_));
    }
    again_ = order == storage::LogRepeats::Order::repeated;
    if (!again_) last_ = record->zxid;
    return record;
}

}  // namespace zk::zkdata
