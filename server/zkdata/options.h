// The command line of zkdata: its table, and what it means. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "command_line/completion.h"
#include "command_line/program.h"
#include "storage/txn_log.h"

namespace zk::zkdata {

enum class Verb { check, dump, compare, summary, repair, completion, help, version };

struct Options {
    Verb verb = Verb::help;
    std::vector<std::string> paths;  ///< files and directories, as many as the command takes
    std::string log_dir;             ///< dataLogDir; empty: the same as the directory
    /// How long a record is believed to be: by the server's jute.maxbuffer.
    std::int32_t payload_max = storage::kLogPayloadMax;
    bool json = false;
    bool data = false;     ///< dump: with the data of nodes
    bool dry_run = false;  ///< repair: says what it would do
    std::optional<Zxid> from, to;
    std::optional<Zxid> at;  ///< compare, summary, dump of a directory: as it was then
    std::size_t top = 0;     ///< summary: how many of the largest
    std::string topic;       ///< of help
    command_line::Shell shell{};
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

/// "0x100000001", or the same without 0x as in the names of files.
Result<Zxid> parse_zxid(const std::string& text, const std::string& option);

}  // namespace zk::zkdata
