#include "cloud_init/checks.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "inventory/render.h"

namespace zk::cloud_init {
namespace {

bool is_plain(char c) { return c > ' ' && c < 0x7f; }

/// A word within a key's name that says: the value is for nobody's eyes.
bool is_secret(std::string_view key) {
    std::string small(key);
    std::ranges::transform(
        small, small.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"password", "passwd", "secret", "superdigest"},
        [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

Result<> check_node(const inventory::Node& node) {
    for (const auto& [key, value] : node.config) {
        if (!is_secret(key)) continue;
        return Error(Errc::invalid,
                     "config." + key + " of node " + to_string(node.id) +
                         " is a secret, and user-data is read by everyone on the host; take "
                         "it out of the inventory");
    }
    return ok();
}

Result<> check_sha256(const std::string& sha256) {
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (sha256.size() == 64 && std::ranges::all_of(sha256, is_digit)) return ok();
    return Error(Errc::invalid,
                 "the bundle's SHA-256 has 64 digits (0-9, a-f), found \"" + sha256 +
                     "\"; zkprov bundle prints it, and so does sha256sum FILE");
}

Result<> check_image(const InImage& image) {
    if (!image.path.starts_with('/') || !std::ranges::all_of(image.path, is_plain)) {
        return Error(
            Errc::invalid,
            "the bundle's path in the image must be absolute and without blanks, found \"" +
                image.path + "\"");
    }
    // What lies there is removed once it is installed, or belongs to the host's software.
    for (const std::string_view taken : {"/var/cache/zkprov/", "/usr/local/lib/zkprov/"}) {
        if (!image.path.starts_with(taken)) continue;
        return Error(Errc::invalid,
                     std::string(taken) +
                         " is where first-boot.sh works; put the bundle elsewhere into the image, "
                         "such as /opt/zkprov.tar");
    }
    return image.sha256.empty() ? ok() : check_sha256(image.sha256);
}

}  // namespace

Result<> check_inventory(const inventory::Inventory& inventory, const Wanted& wanted) {
    if (inventory.transport == inventory::Transport::local) {
        return Error(Errc::invalid,
                     "transport: local brings up servers on this machine; hosts that are born "
                     "from cloud-init need transport: ssh");
    }
    if (inventory.docker) {
        return Error(Errc::invalid,
                     "runtime: docker is for hosts that zkprov reaches; hosts that are born from "
                     "cloud-init run the server under systemd");
    }
    if (inventory.apache) {
        return Error(Errc::invalid,
                     "hosts that are born from cloud-init run zkprov's own server in this version; "
                     "write flavor: zkserver, or bring Apache's server up with zkprov apply");
    }
    if (wanted.node && inventory.find(*wanted.node) == nullptr) {
        return Error(Errc::invalid, "there is no node " + to_string(*wanted.node));
    }
    for (const inventory::Node& node : inventory.nodes) ZK_CHECK(check_node(node));
    return inventory::check_agents(inventory);
}

Result<> check_url(std::string_view what, std::string_view url) {
    const bool https = url.starts_with("https://");
    if (!https && !url.starts_with("http://")) {
        return Error(Errc::invalid,
                     std::string(what) + " must begin with https:// or http://, found \"" +
                         std::string(url) + "\"");
    }
    const std::string_view rest = url.substr(https ? 8 : 7);
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    if (host.empty() || !std::ranges::all_of(url, is_plain)) {
        return Error(Errc::invalid, std::string(what) + " is no URL: \"" + std::string(url) + "\"");
    }
    // Not repeated in the words: it may be a password.
    if (host.find('@') != std::string_view::npos) {
        return Error(Errc::invalid,
                     std::string(what) +
                         " names a user, and user-data is read by everyone on the host; "
                         "use a URL that needs none");
    }
    return ok();
}

Result<> check_programs(const Programs& programs) {
    if (const auto* image = std::get_if<InImage>(&programs)) return check_image(*image);
    const auto* from = std::get_if<FromUrl>(&programs);
    if (from == nullptr) return ok();
    ZK_CHECK(check_sha256(from->sha256));
    return check_url("the bundle's URL", from->url);
}

}  // namespace zk::cloud_init
