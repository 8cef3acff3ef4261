#include "zkdata/compare.h"

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "cli/json.h"
#include "zkdata/txn_text.h"

namespace zk::zkdata {
namespace {

using Where = Difference::Where;

constexpr std::string_view kConfigNode = "/zookeeper/config";

/// Collects the fields in which two nodes differ.
class FieldDifferences {
  public:
    void of(std::string_view name, const std::string& left, const std::string& right) {
        if (left == right) return;
        names_.push_back(std::string(name) + " " + left + " / " + right);
    }
    [[nodiscard]] std::vector<std::string> take() { return std::move(names_); }

  private:
    std::vector<std::string> names_;
};

std::string data_words(const std::optional<ByteView>& data) {
    if (!data) return "none";
    constexpr std::size_t kShown = 40;
    const std::string size = std::to_string(data->size()) + " bytes";
    if (data->size() > kShown || !is_utf8(*data)) return size;
    return size + " " + json_string(*data);
}

void compare_data(FieldDifferences& fields,
                  const std::optional<ByteView>& left,
                  const std::optional<ByteView>& right) {
    if (left == right) return;
    const std::string a = data_words(left);
    const std::string b = data_words(right);
    fields.of("data", a, a == b ? b + ", others" : b);
}

std::vector<std::string> field_differences(const tree::Walk::VisitedNode& left,
                                           const Tree& left_tree,
                                           const tree::Node& right,
                                           const Tree& right_tree) {
    FieldDifferences fields;
    compare_data(fields, left.data, right.data());
    if (left.path == kConfigNode) return fields.take();
    const tree::StatPersisted& a = left.stat;
    const tree::StatPersisted b = right.stat();
    fields.of("acl",
              acl_line(left_tree.tree->acl().find(left.acl)),
              acl_line(right_tree.tree->acl_of(right)));
    fields.of("czxid", to_string(a.czxid), to_string(b.czxid));
    fields.of("mzxid", to_string(a.mzxid), to_string(b.mzxid));
    fields.of("pzxid", to_string(a.pzxid), to_string(b.pzxid));
    fields.of("ctime", to_string(a.ctime), to_string(b.ctime));
    fields.of("mtime", to_string(a.mtime), to_string(b.mtime));
    fields.of("version", std::to_string(a.version), std::to_string(b.version));
    fields.of("cversion", std::to_string(a.cversion), std::to_string(b.cversion));
    fields.of("aversion", std::to_string(a.aversion), std::to_string(b.aversion));
    fields.of("ephemeralOwner", to_hex(a.ephemeral_owner), to_hex(b.ephemeral_owner));
    return fields.take();
}

void compare_sessions(const Tree& left, const Tree& right, std::vector<Difference>& found) {
    const auto name = [](SessionId session) { return "session " + to_string(session); };
    for (const auto& [session, timeout_ms] : left.sessions) {
        const auto other = right.sessions.find(session);
        if (other == right.sessions.end()) {
            found.push_back({Where::only_left, name(session), {}});
        } else if (other->second != timeout_ms) {
            found.push_back({Where::differs,
                             name(session),
                             {"timeout " + std::to_string(timeout_ms) + " / " +
                              std::to_string(other->second)}});
        }
    }
    for (const auto& [session, timeout_ms] : right.sessions) {
        if (!left.sessions.contains(session))
            found.push_back({Where::only_right, name(session), {}});
    }
}

std::string difference_text(const Difference& one) {
    std::string text = one.where == Where::only_left    ? "only left:  "
                       : one.where == Where::only_right ? "only right: "
                                                        : "differs:    ";
    text += plain_text(one.what);
    for (const std::string& field : one.fields) text += "\n    " + field;
    return text + "\n";
}

std::string difference_json(const Difference& one) {
    const char* kind = one.where == Where::only_left    ? "onlyLeft"
                       : one.where == Where::only_right ? "onlyRight"
                                                        : "differs";
    cli::JsonObject object;
    object.text("kind", kind).text("what", one.what);
    if (!one.fields.empty()) object.raw("fields", cli::json_list(one.fields));
    return object.str() + "\n";
}

std::string side_text(const char* name, const Source& source, const Tree& tree) {
    std::string text = std::string(name) + source.path + ": zxid " + to_string(tree.zxid) + ", " +
                       std::to_string(tree.tree->node_count()) + " nodes, " +
                       std::to_string(tree.sessions.size()) + " sessions";
    if (tree.may_hold > tree.zxid)
        text += "; may hold parts of transactions up to " + to_string(tree.may_hold);
    return text + "\n";
}

}  // namespace

std::vector<Difference> differences(const Tree& left, const Tree& right) {
    std::vector<Difference> found;
    compare_sessions(left, right, found);
    const auto nodes = static_cast<std::ptrdiff_t>(found.size());
    tree::Walk walk(*left.tree);
    tree::Walk::VisitedNode node;
    while (walk.next(node)) {
        const tree::Node* other = right.tree->find(node.path);
        if (other == nullptr) {
            found.push_back({Where::only_left, shown_path(node.path), {}});
            continue;
        }
        std::vector<std::string> fields = field_differences(node, left, *other, right);
        if (!fields.empty())
            found.push_back({Where::differs, shown_path(node.path), std::move(fields)});
    }
    tree::Walk back(*right.tree);
    while (back.next(node)) {
        if (left.tree->find(node.path) == nullptr)
            found.push_back({Where::only_right, shown_path(node.path), {}});
    }
    std::sort(found.begin() + nodes, found.end(), [](const auto& a, const auto& b) {
        return a.what < b.what;
    });
    return found;
}

Result<std::size_t> compare(storage::Disk& disk,
                            const Source& left,
                            const Source& right,
                            const Options& options,
                            const Print& print) {
    const bool directories =
        left.kind == Source::Kind::directory && right.kind == Source::Kind::directory;
    if (options.at && !directories) {
        return Error(Errc::invalid,
                     "--at is for two directories, which have the log behind a snapshot");
    }
    ZK_TRY(Tree a, load(disk, left, options.at));
    ZK_TRY(Tree b, load(disk, right, options.at));
    if (directories && a.zxid != b.zxid) {  // what is ahead is read again, up to where both are
        const bool left_ahead = a.zxid > b.zxid;
        const Zxid common = std::min(a.zxid, b.zxid);
        ZK_TRY((left_ahead ? a : b), load(disk, left_ahead ? left : right, common));
    }
    if (!options.json) {
        print(side_text("left:  ", left, a));
        print(side_text("right: ", right, b));
    }
    const std::vector<Difference> found = differences(a, b);
    for (const Difference& one : found)
        print(options.json ? difference_json(one) : difference_text(one));
    if (options.json) {
        print(cli::JsonObject()
                  .text("kind", "result")
                  .text("leftZxid", to_string(a.zxid))
                  .text("rightZxid", to_string(b.zxid))
                  .number("differences", static_cast<std::int64_t>(found.size()))
                  .str() +
              "\n");
    } else {
        print(found.empty() ? "no difference\n" : std::to_string(found.size()) + " differences\n");
    }
    return found.size();
}

}  // namespace zk::zkdata
