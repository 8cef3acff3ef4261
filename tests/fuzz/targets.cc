#include "targets.h"

#include <algorithm>

namespace zk::fuzz {

const std::vector<Target>& targets() {
    static const std::vector<Target> kAll = [] {
        std::vector<Target> all;
        for (const auto part : {storage_targets,
                                wire_targets,
                                peer_targets,
                                text_targets,
                                tarball_targets,
                                http_targets}) {
            const std::vector<Target> some = part();
            all.insert(all.end(), some.begin(), some.end());
        }
        return all;
    }();
    return kAll;
}

const Target* find_target(std::string_view name) {
    const auto found = std::ranges::find(targets(), name, &Target::name);
    return found == targets().end() ? nullptr : &*found;
}

}  // namespace zk::fuzz
