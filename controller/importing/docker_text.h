// What an inventory says of containers: its section `docker`, and their keys in the nodes' entries. Pure. Internal to this
// room.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "importing/found_node.h"

namespace zk::importing {

class DockerText {
  public:
    /// REQUIRES: each node has a container, and all are in equal networks.
    DockerText(const std::vector<FoundNode>& nodes, const std::string& cluster);

    /// How such an ensemble comes to zkprov, as comments.
    [[nodiscard]] static std::vector<std::string> way_over();
    /// From `runtime` on.
    [[nodiscard]] std::vector<std::string> section() const;
    /// Of the node `index` of the list, without its id.
    [[nodiscard]] std::vector<std::string> node_lines(std::size_t index) const;
    /// "server 2: ..." of each thing that only one value of all containers can say.
    [[nodiscard]] std::vector<std::string> left_out() const;

  private:
    [[nodiscard]] const FoundContainer& container(std::size_t index) const {
        return *nodes_[index].container;
    }

    const std::vector<FoundNode>& nodes_;
    std::string cluster_;
    std::string image_;
    std::string restart_;
    std::string directory_;        ///< that of the nodes lie in it by the names zk<id>
    std::uint16_t host_port_ = 0;  ///< of the first node
};

}  // namespace zk::importing
