#include "client/watches.h"

#include <utility>

namespace zk::client {
namespace {

constexpr std::size_t kRequestBytes = 128 * 1024;

bool wants(WatcherType asked, WatcherType sort) {
    return asked == WatcherType::any || asked == sort;
}

}  // namespace

void Watches::add(const std::string& path, AddWatchMode mode) {
    (mode == AddWatchMode::persistent ? persistent_ : recursive_).insert(path);
}

bool Watches::covered(EventType type, const std::string& path) const {
    if (persistent_.contains(path)) return true;
    if (recursive_.empty() || type == EventType::node_children_changed) return false;
    std::string above = path;
    while (above.size() > 1) {
        if (recursive_.contains(above)) return true;
        above.resize(above.rfind('/'));
    }
    return recursive_.contains("/");
}

bool Watches::take(EventType type, const std::string& path) {
    std::size_t ended = 0;
    if (type != EventType::node_children_changed) ended += data_.erase(path) + exist_.erase(path);
    if (type == EventType::node_children_changed || type == EventType::node_deleted) {
        ended += child_.erase(path);
    }
    return ended > 0 || covered(type, path);
}

bool Watches::has(const std::string& path, WatcherType kind) const {
    return (wants(kind, WatcherType::data) && (data_.contains(path) || exist_.contains(path))) ||
           (wants(kind, WatcherType::children) && child_.contains(path)) ||
           (wants(kind, WatcherType::persistent) && persistent_.contains(path)) ||
           (wants(kind, WatcherType::persistent_recursive) && recursive_.contains(path));
}

std::vector<jute::EventKind> Watches::remove(const std::string& path, WatcherType kind) {
    using jute::EventKind;
    std::vector<EventKind> told;
    if (wants(kind, WatcherType::data) && data_.erase(path) + exist_.erase(path) > 0) {
        told.push_back(EventKind::data_watch_removed);
    }
    if (wants(kind, WatcherType::children) && child_.erase(path) > 0) {
        told.push_back(EventKind::child_watch_removed);
    }
    std::size_t lasting = 0;
    if (wants(kind, WatcherType::persistent)) lasting += persistent_.erase(path);
    if (wants(kind, WatcherType::persistent_recursive)) lasting += recursive_.erase(path);
    if (lasting > 0) told.push_back(EventKind::persistent_watch_removed);
    return told;
}

bool Watches::empty() const {
    return data_.empty() && exist_.empty() && child_.empty() && persistent_.empty() &&
           recursive_.empty();
}

std::vector<WatchesAgain> Watches::again(Zxid seen) const {
    std::vector<WatchesAgain> requests;
    jute::SetWatches2Request batch;
    std::size_t size = 0;
    const auto flush = [&] {
        if (size == 0) return;
        batch.one_shot.relative_zxid = seen;
        WatchesAgain request;
        // Servers before 3.6 know only the older one.
        if (batch.persistent.empty() && batch.recursive.empty()) {
            request.body = jute::encode(batch.one_shot);
        } else {
            request.op = OpCode::set_watches2;
            request.body = jute::encode(batch);
        }
        requests.push_back(std::move(request));
        batch = {};
        size = 0;
    };
    const auto put = [&](const std::set<std::string>& paths, auto&& list) {
        for (const auto& path : paths) {
            list().push_back(path);
            size += path.size() + 4;
            if (size >= kRequestBytes) flush();
        }
    };
    put(
        data_, [&]() -> auto& { return batch.one_shot.data; });
    put(
        exist_, [&]() -> auto& { return batch.one_shot.exist; });
    put(
        child_, [&]() -> auto& { return batch.one_shot.child; });
    put(
        persistent_, [&]() -> auto& { return batch.persistent; });
    put(
        recursive_, [&]() -> auto& { return batch.recursive; });
    flush();
    return requests;
}

}  // namespace zk::client
