// The same work for many hosts at once: one thread per host, as each waits for its own link.
// Shell. The caller blocks until all are done; each piece of work has its own deadline, so this
// ends.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace zk::phases {

/// Calls work(item) for every item, each on a thread of its own. REQUIRES: the items do not share
/// what they change.
template <class Item, class Work>
void for_all(std::vector<Item>& items, const Work& work) {
    if (items.size() == 1) {
        work(items.front());
        return;
    }
    std::vector<std::jthread> threads;
    threads.reserve(items.size());
    for (Item& item : items) threads.emplace_back([&work, &item] { work(item); });
}

}  // namespace zk::phases
