#include "zkdata/summary.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "cli/json.h"
#include "zkdata/log_records.h"
#include "zkdata/txn_text.h"

namespace zk::zkdata {
namespace {

using cli::JsonObject;

template <class Item, class Less>
void keep_largest(std::vector<Item>& items, std::size_t top, const Less& larger) {
    std::sort(items.begin(), items.end(), larger);
    if (items.size() > top) items.resize(top);
}

void keep_largest(std::vector<Ranked>& items, std::size_t top) {
    keep_largest(items, top, [](const Ranked& a, const Ranked& b) {
        return a.number != b.number ? a.number > b.number : a.name < b.name;
    });
}

/// The largest so far, without keeping all.
class Largest {
  public:
    explicit Largest(std::size_t top) : top_(top) {}
    void offer(std::string_view name, std::uint64_t number) {
        if (number == 0) return;
        items_.push_back({std::string(name), number});
        if (items_.size() >= 2 * top_ + 100) keep_largest(items_, top_);
    }
    std::vector<Ranked> take() {
        keep_largest(items_, top_);
        return std::move(items_);
    }

  private:
    std::size_t top_;
    std::vector<Ranked> items_;
};

/// Adds a node to each of the subtrees that it is in.
void count_in_subtrees(std::unordered_map<std::string, Subtree>& subtrees,
                       const std::string& path,
                       std::uint64_t bytes,
                       bool inner) {
    for (std::size_t end = path.size(); end > 0; end = path.rfind('/', end - 1)) {
        if (end == path.size() && !inner) continue;
        Subtree& subtree = subtrees[path.substr(0, end)];
        ++subtree.nodes;
        subtree.bytes += bytes;
    }
}

void print_ranked(const Print& print,
                  const char* title,
                  const std::vector<Ranked>& items,
                  const char* unit) {
    if (items.empty()) return;
    print(std::string(title) + "\n");
    for (const Ranked& one : items)
        print("    " + std::to_string(one.number) + " " + unit + "  " + plain_text(one.name) +
              "\n");
}

std::string ranked_json(const std::vector<Ranked>& items) {
    std::string json;
    for (const Ranked& one : items) {
        json +=
            (json.empty() ? "" : ",") + JsonObject()
                                            .text("name", one.name)
                                            .number("number", static_cast<std::int64_t>(one.number))
                                            .str();
    }
    return "[" + json + "]";
}

std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

void print_tree_json(const Print& print, const Tree& tree, const TreeSummary& found) {
    std::string subtrees;
    for (const Subtree& one : found.largest_subtrees) {
        subtrees += (subtrees.empty() ? "" : ",") + JsonObject()
                                                        .text("path", one.path)
                                                        .number("nodes", as_signed(one.nodes))
                                                        .number("bytes", as_signed(one.bytes))
                                                        .str();
    }
    print(JsonObject()
              .text("kind", "summary")
              .text("zxid", to_string(tree.zxid))
              .number("nodes", as_signed(found.nodes))
              .number("dataBytes", as_signed(found.data_bytes))
              .number("pathBytes", as_signed(found.path_bytes))
              .number("ephemerals", as_signed(found.ephemerals))
              .number("containers", as_signed(found.containers))
              .number("ttlNodes", as_signed(found.ttl_nodes))
              .number("sessions", as_signed(found.sessions))
              .number("acls", as_signed(found.acls))
              .raw("largestNodes", ranked_json(found.largest_nodes))
              .raw("mostChildren", ranked_json(found.most_children))
              .raw("largestSubtrees", "[" + subtrees + "]")
              .raw("sessionEphemerals", ranked_json(found.session_ephemerals))
              .str() +
          "\n");
}

void print_tree(const Print& print,
                const Source& source,
                const Tree& tree,
                const TreeSummary& found) {
    const auto text = [](std::uint64_t number) { return std::to_string(number); };
    print(source.path + ": zxid " + to_string(tree.zxid) + "\n" + text(found.nodes) + " nodes (" +
          text(found.ephemerals) + " ephemeral, " + text(found.containers) + " containers, " +
          text(found.ttl_nodes) + " with a time to live), " + text(found.data_bytes) +
          " bytes of data, " + text(found.path_bytes) + " of paths\n" + text(found.sessions) +
          " sessions, " + text(found.acls) + " ACLs\n");
    print_ranked(print, "Largest nodes", found.largest_nodes, "bytes");
    print_ranked(print, "Most children", found.most_children, "children");
    if (!found.largest_subtrees.empty()) print("Largest subtrees\n");
    for (const Subtree& one : found.largest_subtrees) {
        print("    " + text(one.nodes) + " nodes, " + text(one.bytes) + " bytes  " +
              plain_text(one.path) + "\n");
    }
    print_ranked(print, "Ephemeral nodes of sessions", found.session_ephemerals, "nodes");
}

struct LogSummary {
    std::uint64_t txns = 0, bytes = 0;
    std::optional<jute::TxnHeader> first, last;
    std::map<std::string, Ranked, std::less<>> by_type;  // bytes
    std::map<std::string, std::uint64_t, std::less<>> counts;
};

Result<> summarise_log(storage::Disk& disk,
                       const Source& source,
                       const Options& options,
                       const Print& print) {
    LogSummary sums;
    Largest largest(options.top);
    ZK_TRY(std::vector<storage::LogFile> files, logs_with(disk, source.dir, source.name));
    LogRecords records(disk, source.dir, source.name, std::move(files), source.payload_max);
    for (;;) {
        ZK_TRY(const std::optional<storage::LogRecord> record, records.next());
        if (!record) break;
        if (records.again()) continue;
        const auto header = jute::decode_txn_header(record->payload);
        if (!header.has_value()) return header.error().with_context(source.path);
        ++sums.txns;
        sums.bytes += record->payload.size();
        if (!sums.first) sums.first = *header;
        sums.last = *header;
        const std::string type(to_string(header->type));
        ++sums.counts[type];
        sums.by_type[type].number += record->payload.size();
        largest.offer(to_string(header->zxid) + " " + type, record->payload.size());
    }
    std::vector<Ranked> types;
    for (const auto& [type, count] : sums.counts) types.push_back({type, count});
    keep_largest(types, types.size());
    if (options.json) {
        JsonObject object;
        object.text("kind", "logSummary")
            .number("txns", as_signed(sums.txns))
            .number("bytes", as_signed(sums.bytes))
            .number("again", as_signed(records.repeated()));
        if (sums.first) {
            object.text("first", to_string(sums.first->zxid))
                .text("last", to_string(sums.last->zxid))
                .number("firstTime", sums.first->time.value())
                .number("lastTime", sums.last->time.value());
        }
        print(object.raw("types", ranked_json(types))
                  .raw("largest", ranked_json(largest.take()))
                  .str() +
              "\n");
        return ok();
    }
    print(source.path + ": " + std::to_string(sums.txns) + " transactions, " +
          std::to_string(sums.bytes) + " bytes\n");
    if (records.repeated() != 0)
        print(std::to_string(records.repeated()) + " of them stand there twice\n");
    if (sums.first) {
        print("from " + to_string(sums.first->zxid) + " of " + utc_text(sums.first->time) + " to " +
              to_string(sums.last->zxid) + " of " + utc_text(sums.last->time) + "\n");
    }
    for (const Ranked& one : types) {
        print("    " + std::to_string(one.number) + " " + one.name + ", " +
              std::to_string(sums.by_type[one.name].number) + " bytes\n");
    }
    print_ranked(print, "Largest transactions", largest.take(), "bytes");
    return ok();
}

}  // namespace

TreeSummary summarise(const Tree& tree, std::size_t top) {
    TreeSummary found;
    Largest nodes(top);
    Largest children(top);
    std::unordered_map<std::string, Subtree> subtrees;
    tree::Walk walk(*tree.tree);
    tree::Walk::VisitedNode node;
    while (walk.next(node)) {
        const std::uint64_t bytes = node.data ? node.data->size() : 0;
        const std::uint64_t child_count = tree.tree->find(node.path)->child_count();
        ++found.nodes;
        found.data_bytes += bytes;
        found.path_bytes += shown_path(node.path).size();
        nodes.offer(shown_path(node.path), bytes);
        children.offer(shown_path(node.path), child_count);
        count_in_subtrees(subtrees, node.path, bytes, child_count > 0);
    }
    found.largest_nodes = nodes.take();
    found.most_children = children.take();
    for (auto& [path, subtree] : subtrees)
        found.largest_subtrees.push_back({path, subtree.nodes, subtree.bytes});
    keep_largest(found.largest_subtrees, top, [](const Subtree& a, const Subtree& b) {
        if (a.nodes != b.nodes) return a.nodes > b.nodes;
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
    });
    found.ephemerals = tree.tree->ephemeral_count();
    found.containers = tree.tree->containers().size();
    found.ttl_nodes = tree.tree->ttl_nodes().size();
    found.sessions = tree.sessions.size();
    found.acls = tree.tree->acl().size();
    Largest sessions(top);
    for (const SessionId session : tree.tree->ephemeral_sessions())
        sessions.offer(to_string(session), tree.tree->ephemerals(session).size());
    found.session_ephemerals = sessions.take();
    return found;
}

Result<> summary(storage::Disk& disk,
                 const Source& source,
                 const Options& options,
                 const Print& print) {
    if (source.kind == Source::Kind::log) return summarise_log(disk, source, options, print);
    ZK_TRY(const Tree tree, load(disk, source, options.at));
    const TreeSummary found = summarise(tree, options.top);
    if (options.json) {
        print_tree_json(print, tree, found);
    } else {
        print_tree(print, source, tree, found);
    }
    return ok();
}

}  // namespace zk::zkdata
