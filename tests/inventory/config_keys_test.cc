// Each key through both doors: what an inventory takes under `config`, the server takes from the file that is rendered, and
// as it was meant.
#include "inventory/config_keys.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble/config_keys.h"
#include "inventory/inventory.h"
#include "inventory/render.h"

namespace zk::inventory {
namespace {

using ensemble::ConfigKey;
using ensemble::KeyType;
using ensemble::SetBy;
using ensemble::Standing;
using testing::HasSubstr;

/// A name for which the row stands.
std::string name_of(const ConfigKey& key) {
    std::string name(key.name);
    if (name.ends_with('N')) name.back() = '9';
    if (name.ends_with('*')) name = name.substr(0, name.size() - 1) + "some";
    return name;
}

/// The node that an inventory with this line of config makes, or what is wrong with it.
struct Door {
    std::string problems;
    std::optional<Inventory> inventory;
};
Door inventory_with(const std::string& name, const std::string& value) {
    std::string config = name + ": \"" + value + "\"";
    if (name == "minSessionTimeout") config += ", maxSessionTimeout: 2147483647";
    if (name == "maxSessionTimeout") config += ", minSessionTimeout: 1";
    if (name == "fastleader.minNotificationInterval")
        config += ", fastleader.maxNotificationInterval: 60000";
    if (name == "fastleader.maxNotificationInterval")
        config += ", fastleader.minNotificationInterval: 10";
    Diagnostics diagnostics("i.yaml");
    Door door;
    door.inventory = read_inventory("schema: zkprov/1\ncluster: demo\nserver: { config: { " +
                                        config + " } }\nnodes: [{id: 1-3, host: \"h[1-3]\"}]\n",
                                    "/w",
                                    diagnostics);
    door.problems = diagnostics.format_all();
    return door;
}

/// The server's own questions, and what it makes of the value.
void expect_server_takes(const Inventory& inventory,
                         const ConfigKey& key,
                         const std::string& value) {
    const Node& node = inventory.nodes[0];
    const auto spec = render_node(inventory,
                                  node,
                                  {"0.1.0-12345678", std::string(64, 'a'), 1000},
                                  new_generation(inventory, 7));
    ASSERT_TRUE(spec.has_value()) << spec.error().words;
    const std::string text = render_zoo_cfg(inventory, node);
    EXPECT_THAT(text, HasSubstr("\n" + std::string(key.name) + "=" + value + "\n"));
    const auto config = ensemble::parse_zoo_cfg(text, "z");
    ASSERT_TRUE(config.has_value()) << config.error().words;
    if (key.standing == Standing::honoured) {
        const bool own_default = key.number.outside == ensemble::Outside::standard_quiet &&
                                 value.size() < 3 && !key.number.counts.holds(std::stoll(value));
        EXPECT_EQ(value_in(key, *config), own_default ? default_of(key) : value);
    }
    for (const std::string& warning : config->warnings) {
        EXPECT_FALSE(key.words.empty()) << warning;
        EXPECT_THAT(warning, HasSubstr(key.words));
    }
}

void expect_taken(const ConfigKey& key, const std::string& value) {
    SCOPED_TRACE(value);
    const Door door = inventory_with(name_of(key), value);
    ASSERT_TRUE(door.inventory.has_value()) << door.problems;
    EXPECT_EQ(door.problems, "");
    expect_server_takes(*door.inventory, key, value);
}

void expect_refused(const ConfigKey& key, const std::string& value, const std::string& words) {
    SCOPED_TRACE(value);
    const Door door = inventory_with(name_of(key), value);
    EXPECT_FALSE(door.inventory.has_value());
    EXPECT_THAT(door.problems, HasSubstr("i.yaml:3:"));
    EXPECT_THAT(door.problems, HasSubstr("server.config." + name_of(key) + ": " + words));
}

void expect_number(const ConfigKey& key) {
    const auto [least, most] = key.inventory;
    for (const std::int64_t good : {least, least + 1, most - 1, most})
        expect_taken(key, std::to_string(good));
    const std::string range =
        "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    for (const std::int64_t bad : {least - 1, most + 1})
        expect_refused(key, std::to_string(bad), range);
    for (const std::string bad : {"x", "", "1.5", "0x800", "02000", "+2000", " 2000", "2 s"}) {
        expect_refused(key, bad, range);
    }
    if (!key.zkprov_writes.empty()) expect_taken(key, std::string(key.zkprov_writes));
}

TEST(ConfigKeys, WhatAUserMaySayTheServerTakes) {
    for (const ConfigKey* key : ensemble::config_keys()) {
        if (key->set_by != SetBy::user) continue;
        SCOPED_TRACE(key->name);
        if (key->type == KeyType::number) {
            expect_number(*key);
        } else if (key->type == KeyType::boolean || key->type == KeyType::property_flag) {
            expect_taken(*key, "true");
            expect_taken(*key, "false");
            for (const char* const bad : {"yes", "TRUE", "", "1"})
                expect_refused(*key, bad, "must be true or false");
        } else if (key->type == KeyType::host) {
            for (const char* const good : {"0.0.0.0", "192.168.6.137", "::", "fd00::137"})
                expect_taken(*key, good);
            for (const char* const bad : {"", "x", "1.2.3", "1.2.3.256", "1.2.3.4.", "zk1.example"})
                expect_refused(*key, bad, "must be an IP address");
        } else if (key->type == KeyType::class_name) {
            expect_taken(*key, std::string(ensemble::kDefaultMetricsProvider));
            expect_taken(*key, std::string(ensemble::kPrometheusMetricsProvider));
            for (const char* const bad : {"", "Prometheus", "com.example.Provider"})
                expect_refused(*key, bad, "must be org.apache.zookeeper.metrics.");
        } else if (key->type == KeyType::word) {
            expect_taken(*key, std::string(key->standard));
            for (const char* const bad : {"nonsense", ""})
                expect_refused(*key, bad, std::string(key->words));
        } else if (key->type == KeyType::compression) {
            expect_taken(*key, "gz");
            expect_taken(*key, "snappy");
            for (const char* const bad : {"GZ", "none", ""})
                expect_refused(*key, bad, "must be gz or snappy");
        } else {
            ADD_FAILURE() << "say here what an inventory may hold";
        }
    }
}

TEST(ConfigKeys, AllOthersAreRefusedWithTheReasonOfTheirRow) {
    for (const ConfigKey* key : ensemble::config_keys()) {
        if (key->set_by == SetBy::user) continue;
        SCOPED_TRACE(key->name);
        const std::string why = refuse_config_key(name_of(*key)).value_or("");
        EXPECT_THAT(why, HasSubstr(key->why_not.empty() ? key->words : key->why_not));
        const bool missing = key->standing == Standing::refused && key->why_not.empty();
        EXPECT_EQ(why.find("not supported in this version") != std::string::npos, missing);
        expect_refused(*key, "1", why);
    }
}

// Every value that means something to some key, given to every key: no answer of the two may differ.
TEST(ConfigKeys, NoValueIsTakenByTheInventoryAndNotByTheServer) {
    std::set<std::string> values = {"",
                                    "x",
                                    "true",
                                    "false",
                                    "yes",
                                    "no",
                                    "TRUE",
                                    "0",
                                    "-1",
                                    "1",
                                    "0x10",
                                    "010",
                                    "1000",
                                    "4194304",
                                    "2147483647",
                                    "2147483648",
                                    "99999999999"};
    for (const ConfigKey* key : ensemble::config_keys()) {
        for (const std::int64_t number :
             {key->inventory.least, key->inventory.most, key->number.counts.least}) {
            values.insert(std::to_string(number));
        }
        if (key->feature != nullptr) values.insert(std::string(key->feature->on));
    }
    int taken = 0;
    for (const ConfigKey* key : ensemble::config_keys()) {
        if (refuse_config_key(name_of(*key))) continue;
        for (const std::string& value : values) {
            if (check_config_value(key->name, value)) continue;
            SCOPED_TRACE(std::string(key->name) + ": " + value);
            const Door door = inventory_with(name_of(*key), value);
            ASSERT_TRUE(door.inventory.has_value()) << door.problems;
            expect_server_takes(*door.inventory, *key, value);
            ++taken;
        }
    }
    EXPECT_GT(taken, 100);
}

TEST(ConfigKeys, AWordThatIsNearlyAKeyIsAsked) {
    EXPECT_EQ(refuse_config_key("ticktime"), "unknown zoo.cfg key; did you mean \"tickTime\"?");
    EXPECT_EQ(refuse_config_key("qqqqqqqqq"),
              "unknown zoo.cfg key, or not supported in this version; remove it");
}

}  // namespace
}  // namespace zk::inventory
