// A data directory as a server leaves it, for the tests of zkdata.
#pragma once

#include <string>

#include "samples.h"
#include "storage/epoch_files.h"
#include "zkdata/check.h"
#include "zkdata/findings.h"
#include "zkdata/source.h"

namespace zk::zkdata {

using storage::kDir;
using storage::kPaths;

/// snapshot.0, log.1 with 1 to 8, epochs 0 and myid 3.
inline void fill(sim::SimDisk& disk) {
    const auto recovered = storage::recover(disk, kPaths, {});
    if (!recovered.has_value()) {
        ADD_FAILURE() << recovered.error().message();
        return;
    }
    storage::write_log(disk, storage::zxids({1, 2, 3, 4, 5, 6, 7, 8}));
    disk.put("/zk/myid", "3\n");
}

inline std::string log_content(sim::SimDisk& disk) { return storage::content(disk, "log.1"); }

/// log.1 with records 3 to 5 a second time behind the fifth; returns the offset of the second copy.
inline std::size_t repeat_some(sim::SimDisk& disk) {
    std::string bytes = log_content(disk);
    const std::size_t record = (bytes.size() - storage::kLogHeaderBytes) / 8;
    const std::size_t begin = storage::kLogHeaderBytes + 2 * record;
    const std::size_t end = begin + 3 * record;
    disk.put(kDir + "/log.1", bytes.insert(end, bytes.substr(begin, 3 * record)));
    return end;
}

/// Everything that check() says of `path`.
inline Findings found(storage::Disk& disk, const std::string& path = "/zk") {
    Findings findings;
    const auto source = look_at(disk, path, {});
    if (!source.has_value()) {
        ADD_FAILURE() << source.error().message();
        return findings;
    }
    const auto checked = check(disk, *source, findings);
    if (!checked.has_value()) ADD_FAILURE() << checked.error().message();
    return findings;
}

/// Those of one severity, as text.
inline std::string text_of(const Findings& findings, Severity severity) {
    std::string text;
    for (const Finding& finding : findings.all())
        if (finding.severity == severity) text += finding_text(finding);
    return text;
}

}  // namespace zk::zkdata
