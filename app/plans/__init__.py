"""Plans (评审计划): window, specialties, slots, standard."""
