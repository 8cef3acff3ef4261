#include "zkdata/dump.h"

#include <string>

#include "cli/json.h"
#include "zkdata/log_records.h"
#include "zkdata/txn_text.h"

namespace zk::zkdata {
namespace {

using cli::JsonObject;
using Kind = Source::Kind;

Data data_of(const Options& options) { return options.data ? Data::content : Data::size; }

/// The line of a record that stands there a second time.
std::string marked_again(std::string line, bool json) {
    const std::string mark = json ? ",\"again\":true}\n" : " again\n";
    line.resize(line.size() - (json ? 2 : 1));
    return line + mark;
}

Result<> dump_log(storage::Disk& disk,
                  const Source& source,
                  const Options& options,
                  const Print& print) {
    ZK_TRY(std::vector<storage::LogFile> files, logs_with(disk, source.dir, source.name));
    LogRecords records(disk, source.dir, source.name, std::move(files), source.payload_max);
    std::size_t count = 0;
    std::size_t again = 0;
    for (;;) {
        ZK_TRY(const std::optional<storage::LogRecord> record, records.next());
        if (!record) break;
        if (options.to && record->zxid > *options.to) break;
        if (options.from && record->zxid < *options.from) continue;
        const auto txn = jute::decode_txn(record->payload);
        if (!txn.has_value()) {
            return txn.error().with_context(source.path + ": transaction " +
                                            to_string(record->zxid));
        }
        const std::uint64_t offset =
            record->end_offset - record->payload.size() - storage::kLogRecordOverhead;
        std::string line = options.json ? txn_json(*txn, offset, data_of(options))
                                        : txn_text(*txn, data_of(options));
        if (records.again()) line = marked_again(std::move(line), options.json);
        print(line);
        ++(records.again() ? again : count);
    }
    if (options.json) return ok();
    print("end of " + source.path + ": " + std::to_string(count) + " transactions" +
          (again != 0 ? ", " + std::to_string(again) + " of them again" : std::string()) + "\n");
    if (records.reader().torn()) {
        print("behind offset " + std::to_string(records.reader().offset()) +
              " an unfinished write: zkdata check says more\n");
    }
    return ok();
}

void dump_head(const Source& source, const Tree& tree, const Options& options, const Print& print) {
    if (options.json) {
        JsonObject head;
        head.text("kind", source.kind == Kind::snapshot ? "snapshot" : "directory")
            .text("zxid", to_string(tree.zxid))
            .number("sessions", static_cast<std::int64_t>(tree.sessions.size()))
            .number("nodes", static_cast<std::int64_t>(tree.tree->node_count()));
        if (tree.digest) {
            head.text("digestZxid", to_string(tree.digest->zxid))
                .text("digest", to_hex(static_cast<std::int64_t>(tree.digest->digest)));
        }
        return print(head.str() + "\n");
    }
    print(source.path + ": zxid " + to_string(tree.zxid) + ", " +
          std::to_string(tree.sessions.size()) + " sessions, " +
          std::to_string(tree.tree->node_count()) + " nodes\n");
    if (tree.digest) {
        print("digest " + to_hex(static_cast<std::int64_t>(tree.digest->digest)) + " at zxid " +
              to_string(tree.digest->zxid) + "\n");
    }
}

Result<> dump_tree(storage::Disk& disk,
                   const Source& source,
                   const Options& options,
                   const Print& print) {
    ZK_TRY(const Tree tree, load(disk, source, options.at));
    dump_head(source, tree, options, print);
    for (const auto& [session, timeout_ms] : tree.sessions) {
        const auto owned = tree.tree->ephemerals(session).size();
        if (options.json) {
            print(JsonObject()
                      .text("kind", "session")
                      .text("session", to_string(session))
                      .number("timeout", timeout_ms)
                      .number("ephemerals", static_cast<std::int64_t>(owned))
                      .str() +
                  "\n");
        } else {
            print("session " + to_string(session) + " timeout " + std::to_string(timeout_ms) +
                  " ms, " + std::to_string(owned) + " ephemerals\n");
        }
    }
    tree::Walk walk(*tree.tree);
    tree::Walk::VisitedNode node;
    while (walk.next(node)) {
        const jute::AclList& acl = tree.tree->acl().find(node.acl);
        print(options.json ? node_json(node, acl, data_of(options))
                           : node_text(node, acl, data_of(options)));
    }
    return ok();
}

}  // namespace

Result<> dump(storage::Disk& disk,
              const Source& source,
              const Options& options,
              const Print& print) {
    switch (source.kind) {
        case Kind::log:
            return dump_log(disk, source, options, print);
        case Kind::snapshot:
        case Kind::directory:
            return dump_tree(disk, source, options, print);
        case Kind::epoch:
        case Kind::myid: {
            ZK_TRY(const Bytes text, disk.read_file(source.path, 4096));
            const std::string line = text.substr(0, text.find('\n'));
            print(options.json ? JsonObject().text("kind", source.name).text("value", line).str()
                               : source.name + " " + plain_text(line));
            print("\n");
            return ok();
        }
    }
    return ok();
}

}  // namespace zk::zkdata
